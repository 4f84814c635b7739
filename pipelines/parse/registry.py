"""Which parser reads a document. A format is one module here, with a function ``parse``, and one line below."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from pipelines.documents import ParsedDocument
from pipelines.errors import DocumentError, PermanentError
from pipelines.parse import media, plugins
from pipelines.parse.failures import reason
from pipelines.parse.limits import ParseLimits
from pipelines.parse.parser import Report, Sniffed, Source

HEAD_BYTES = 65_536
OURS = 0.5
Parse = Callable[[Source, ParseLimits, Report], ParsedDocument]


@dataclass(frozen=True, slots=True)
class Format:
    """A parser of ours: module ``pipelines.parse.<name>``, imported with the first document that needs it."""

    name: str
    label: str
    media_types: tuple[str, ...]

    def score(self, sniffed: Sniffed, name: str) -> float:
        """Ours for its own types and no others."""
        del name
        return OURS if sniffed.media_type in self.media_types else 0.0

    def read(self, source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
        """Parse; whatever goes wrong is a PermanentError with a sentence."""
        try:
            parse: Parse = import_module(f"pipelines.parse.{self.name}").parse
            return parse(source, limits, report)
        except (DocumentError, MemoryError, KeyboardInterrupt, SystemExit):
            raise
        except ModuleNotFoundError as error:
            raise PermanentError(
                "not_installed",
                f"Reading {self.label} needs the Python package {error.name!r}, which is not installed here; "
                "install the service's dependencies again and retry.",
            ) from error
        except BaseException as error:  # Rust's panics are no Exception, and are a document's fault here
            raise PermanentError(
                "corrupt", f"The file is damaged or no regular {self.label}: {_named(error)}."
            ) from error


FORMATS = (
    Format("pdf", "PDF", (media.PDF,)),
    Format("html", "HTML", (media.HTML,)),
    Format("markdown", "Markdown", (media.MARKDOWN,)),
    Format("source", "source code", (media.SOURCE,)),
    Format("text", "plain text", (media.PLAIN,)),
)


def choose(source: Source) -> "Format | plugins.Plugin":
    """The parser that scores highest; of equal ones, what was installed wins over what is ours.

    Raises PermanentError ``unsupported``.
    """
    sniffed = Sniffed(source.media_type, source.data[:HEAD_BYTES], source.text is not None)
    candidates: list[Format | plugins.Plugin] = [*plugins.installed(), *FORMATS]
    scores = [parser.score(sniffed, source.name) for parser in candidates]
    if max(scores) > 0:
        return candidates[scores.index(max(scores))]
    if source.text is not None:
        return next(format_ for format_ in FORMATS if format_.name == "text")
    raise _unsupported(source)


def _unsupported(source: Source) -> PermanentError:
    if media.extension(source.name) == ".pdf" and not source.data.startswith(b"PK"):
        return PermanentError("corrupt", "The file is named .pdf, but holds no PDF header and no PDF objects.")
    looks = source.media_type if source.media_type != media.UNKNOWN else "binary data of an unknown type"
    labels = [format_.label for format_ in FORMATS] + [plugin.label for plugin in plugins.installed()]
    parts = [f"The file looks like {looks}; supported: {', '.join(labels)}.", *plugins.failures()]
    return PermanentError("unsupported", " ".join(parts))


def _named(error: BaseException) -> str:
    """What the error says, with its class where the words alone say little (``KeyError: 'word/document.xml'``)."""
    said = reason(error)
    name = type(error).__name__
    return said if said == name or " " in said.strip("'\"") else f"{name}: {said}"
