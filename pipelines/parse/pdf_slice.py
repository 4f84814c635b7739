"""What was read of a PDF's pages so far, and its bytes: the lines of a slice, and what goes on to the next one."""

from array import array
from dataclasses import dataclass, field

import msgspec

from pipelines.documents import PageProblem, Slice
from pipelines.parse.pdf_fields import Fields
from pipelines.parse.pdf_lines import MOST_LINES, LineReader, Lines


@dataclass(slots=True)
class Read:
    """Of the pages before ``until``: their lines by index, and the problems of those that cannot be read.

    What goes on from page to page: ``links`` and ``with_files`` of `pdf_fields.Fields`, ``lines_left`` of `LineReader`.
    """

    lines: dict[int, Lines] = field(default_factory=dict)
    problems: list[PageProblem] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    with_files: list[int] = field(default_factory=list)
    lines_left: int = MOST_LINES
    until: int = 0

    def add(self, kept: Slice) -> None:
        """Go on behind a slice that was kept."""
        found = _DECODER.decode(kept.data)
        self.lines.update((index, _lines(page)) for index, page in found.pages.items())
        self.problems += found.problems
        self.links, self.with_files = _texts(found.links), found.with_files
        self.lines_left, self.until = found.lines_left, kept.until

    def so_far(self, until: int, fields: Fields, reader: LineReader) -> None:
        """Note what those who read the pages before `until` go on with."""
        self.links, self.with_files = list(fields.followed), fields.pages_with_files
        self.lines_left, self.until = reader.left, until

    def since(self, start: int) -> Slice:
        """What was read from a page on, to be kept."""
        pages = {index: _page(lines) for index, lines in self.lines.items() if index >= start}
        problems = [problem for problem in self.problems if problem.number > start]
        found = _Pages(pages, problems, _bytes(self.links), self.with_files, self.lines_left)
        return Slice(start, self.until, msgspec.msgpack.encode(found))


class _Page(msgspec.Struct, array_like=True):
    texts: list[bytes]
    left: bytes
    bottom: bytes
    size: bytes
    over: list[bytes]
    step: float


class _Pages(msgspec.Struct, array_like=True):
    pages: dict[int, _Page]
    problems: list[PageProblem]
    links: list[bytes]
    with_files: list[int]
    lines_left: int


_DECODER = msgspec.msgpack.Decoder(_Pages)


def _page(lines: Lines) -> _Page:
    places = (lines.left.tobytes(), lines.bottom.tobytes(), lines.size.tobytes())
    return _Page(_bytes(lines.texts), *places, _bytes(lines.over), lines.step)


def _lines(page: _Page) -> Lines:
    left, bottom, size = (array("f", places) for places in (page.left, page.bottom, page.size))
    return Lines(_texts(page.texts), left, bottom, size, _texts(page.over), page.step)


def _bytes(texts: list[str]) -> list[bytes]:
    # pdfium may give halves of pairs that stand for one character, which are no UTF-8.
    return [text.encode("utf-8", "surrogatepass") for text in texts]


def _texts(encoded: list[bytes]) -> list[str]:
    return [text.decode("utf-8", "surrogatepass") for text in encoded]
