"""What a parser is, and what it is given. Other packages bring parsers of their own: docs/parsers.md."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pipelines.documents import ParsedDocument
from pipelines.parse.limits import ParseLimits
from pipelines.parse.slices import Slices

__all__ = ["Parser", "Report", "Sniffed", "Source"]

Report = Callable[[int, int], None]
"""``report(done, total)``: so many pages of so many are read. A parser that is silent for too long is killed."""


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What the bytes of a document look like. ``head`` are the first 64 KiB; ``is_text`` that they could be decoded."""

    media_type: str
    head: bytes
    is_text: bool


@dataclass(frozen=True, slots=True)
class Source:
    """A document to be parsed.

    ``name`` is what its owner called it: a hint, and hostile. ``text`` is the decoded content where the bytes are text,
    with the ``encoding`` that was found, else None. ``engine`` is ``"fallback"`` for a document on which a process has
    died before. ``depth`` counts the containers that it was taken out of. ``password`` opens an encrypted document; it
    must not appear in any message. ``every_line`` keeps what repeats at the edges of a PDF's pages on each of them.
    With ``slices`` a parser may raise ``Paused`` between two pages; only that of PDF does.
    """

    data: bytes
    name: str
    media_type: str
    text: str | None = None
    encoding: str | None = None
    engine: str = "default"
    depth: int = 0
    password: str | None = field(default=None, repr=False)
    every_line: bool = False
    slices: Slices | None = None


class Parser(Protocol):
    """Reads the documents of some media types."""

    @property
    def media_types(self) -> Sequence[str]:
        """The types that it reads, for people: they are named where no parser takes a document."""

    def score(self, sniffed: Sniffed, name: str) -> float:
        """How well it would read the document: 0 for not at all; the built-in parsers say 0.5. The highest is asked."""

    def parse(self, source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
        """Read the document, with ``limits`` checked and ``report`` called on the way.

        Raises ``pipelines.errors.PermanentError`` with a code and a sentence for what is wrong with the document.
        """
