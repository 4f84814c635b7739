"""Parsers that other packages bring, by the entry point group ``docrelay.parsers``. See docs/parsers.md.

Whatever one of them does wrong is said with its name, and stays with the documents that it was asked for.
"""

import logging
from dataclasses import replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points

import msgspec

from pipelines.documents import Page, ParsedDocument
from pipelines.errors import DocumentError, PermanentError
from pipelines.parse.clean import clean
from pipelines.parse.failures import reason
from pipelines.parse.limits import ParseLimits
from pipelines.parse.parser import Parser, Report, Sniffed, Source

GROUP = "docrelay.parsers"
_log = logging.getLogger(__name__)


class Plugin:
    """A parser of another package, and what is done so that it harms nobody."""

    def __init__(self, entry: EntryPoint) -> None:
        """Import it and make one. Raises whatever it raises."""
        self.label = _label(entry)
        made = entry.load()
        self._parser: Parser = made() if isinstance(made, type) else made
        self.media_types = tuple(str(kind) for kind in self._parser.media_types)
        for method in ("score", "parse"):
            if not callable(getattr(self._parser, method, None)):
                raise TypeError(f"it has no method {method}")

    def score(self, sniffed: Sniffed, name: str) -> float:
        """What it says, as a number from 0 to 1; 0 when it fails, with a line in the log."""
        try:
            return min(1.0, max(0.0, float(self._parser.score(sniffed, name))))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever theirs raises is told, and is no one else's
            _log.warning("%s cannot say whether it reads a document: %s", self.label, _told(error))
            return 0.0

    def read(self, source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
        """Parse, and check and clean what comes back."""
        try:
            return _checked(self._parser.parse(source, limits, report), limits)
        except (DocumentError, MemoryError):
            raise
        except (Exception, SystemExit) as error:
            raise PermanentError(
                "parser_failed",
                f"{self.label} failed on this document: {_told(error)}. Tell whoever maintains it, or remove it.",
            ) from error


def installed() -> list[Plugin]:
    """The parsers that could be loaded; a process looks once."""
    return _load()[0]


def failures() -> list[str]:
    """A sentence for each that could not."""
    return _load()[1]


@cache
def _load() -> tuple[list[Plugin], list[str]]:
    loaded: list[Plugin] = []
    broken: list[str] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            loaded.append(Plugin(entry))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever theirs raises is told, and is no one else's
            broken.append(f"{_label(entry)} could not be loaded: {_told(error)}.")
            _log.warning(broken[-1])
    return loaded, broken


def _label(entry: EntryPoint) -> str:
    package = entry.dist.name if entry.dist is not None else entry.value
    return f"The parser {entry.name!r} of the package {package!r}"


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {reason(error)}"


def _checked(parsed: object, limits: ParseLimits) -> ParsedDocument:
    """The document with every field of the promised type, and with text that can be stored."""
    if not isinstance(parsed, ParsedDocument):
        raise TypeError(f"it gave a {type(parsed).__name__}, not a ParsedDocument")
    msgspec.convert(msgspec.to_builtins(parsed, builtin_types=(bytes,)), ParsedDocument)
    limits.check_pages(parsed.page_count)
    limits.check_text(sum(len(page.text) for page in parsed.pages))
    pages = [Page(page.number, page.label and clean(page.label), clean(page.text)) for page in parsed.pages]
    metadata = {clean(key): clean(value) for key, value in parsed.metadata.items()}
    return replace(parsed, pages=pages, metadata=metadata, notes=[clean(note) for note in parsed.notes])
