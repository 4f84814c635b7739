"""The lines of a PDF's page as pdfium finds them, each with where it stands and how large it is.

Asking pdfium for one character costs a microsecond, a page of text a millisecond: so only the first character of each
line is asked for, and the last one where two lines may be one.
"""

import ctypes
import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pypdfium2.raw as pdfium

from pipelines.parse.pdf_letters import LAM_ALEF, in_order, with_accents
from pipelines.parse.pdf_order import Spot, goes_back, in_reading_order
from pipelines.parse.pdf_symbols import Symbols, composed

# Beyond so many lines on a page it is no page for reading, and in a document no document.
MOST_LINES_OF_PAGE = 5_000
MOST_LINES = 2_000_000
# pdfium marks a hyphen that it took away at a line's end so, and drops the line break behind it.
_HYPHEN = "\ufffe"
# What follows goes on in the same row: lower, higher or larger type makes pdfium begin a line.
_SAME_ROW = 0.7
_TOUCHING = 0.12
_LARGER = 1.1
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")  # their columns are read the other way
_NEXT_WORD = 1.5


@dataclass(slots=True)
class Lines:
    """A page's lines in reading order. ``left`` and ``bottom`` are in points, ``size`` is that of the first type.

    Without positions (``placed`` is false) the page is one text in ``texts``. A line that a hyphen ends whose word goes
    on in the next one ends in U+FFFE or U+00AD. ``over`` are lines for what is laid over the page, such as comments.
    ``step`` is how far most lines are below the one before, in points; infinite where that cannot be told.
    """

    texts: list[str]
    left: "array[float]" = field(default_factory=lambda: array("f"))
    bottom: "array[float]" = field(default_factory=lambda: array("f"))
    size: "array[float]" = field(default_factory=lambda: array("f"))

    over: list[str] = field(default_factory=list)
    step: float = float("inf")

    @property
    def chars(self) -> int:
        """How much text it is."""
        return sum(map(len, self.texts)) + sum(map(len, self.over))

    @property
    def placed(self) -> bool:
        """Whether the lines have positions."""
        return len(self.left) == len(self.texts)

    def add(self, text: str, left: float, bottom: float, size: float) -> None:
        """Add a line below the others."""
        self.texts.append(text)
        self.left.append(left)
        self.bottom.append(bottom)
        self.size.append(size)


class LineReader:
    """Reads the lines of one page after another."""

    def __init__(self, *, by_tex: bool, most: int = MOST_LINES) -> None:
        """Make the place into which pdfium writes; ``by_tex``: the file was made by TeX, or from what TeX has made.

        What exceeds ``most`` lines is read without their places; ``left`` says how many there may still be.
        """
        self._by_tex = by_tex
        self._box = pdfium.FS_RECTF()
        self._at = ctypes.byref(self._box)
        self.left = most

    def read(self, textpage: object) -> Lines:
        """The lines of a text page of pdfium."""
        count = pdfium.FPDFText_CountChars(textpage)
        text = _text(textpage, count)
        index = _index(textpage, text, count)
        if LAM_ALEF.search(text):
            text = in_order(text, lambda offset: self._extent(textpage, index(offset)))
        if self._by_tex:
            text = Symbols(textpage, index).mended(text)
        rows = text.split("\r\n")
        many = len(rows) + text.count(_HYPHEN)
        if many > min(MOST_LINES_OF_PAGE, self.left):
            return Lines([text.replace("\r\n", "\n")])
        self.left -= many
        lines = self._placed(textpage, rows, index)
        if self._by_tex:
            lines.texts = [composed(with_accents(line)) for line in lines.texts]
        return lines

    def _placed(self, textpage: object, rows: list[str], index: Callable[[int], int]) -> Lines:
        found = Lines([])
        box, at, ask = self._box, self._at, pdfium.FPDFText_GetLooseCharBox
        bottom_before = size_before = 0.0
        end = -1  # of the last line
        ends: list[int] = []
        for start, piece in _pieces(rows):
            ask(textpage, index(start + len(piece) - len(piece.lstrip())), at)
            left, bottom, size = box.left, box.bottom, box.top - box.bottom
            if size > _LARGER * size_before:  # the line, or an initial, a bullet or a bracket?
                ask(textpage, index(start + len(piece) // 2), at)
                size = min(size, box.top - box.bottom) or size
            gap = None
            if end >= 0 and abs(bottom - bottom_before) < _SAME_ROW * max(size, size_before):
                gap = self._gap(textpage, index(end), left, max(size, size_before))
            if gap is None:
                found.add(piece, left, bottom, size)
                bottom_before, size_before = bottom, size
            else:
                found.texts[-1] += gap + piece
                size_before = max(size_before, size)
                ends.pop()
            end = start + len(piece.rstrip()) - 1
            ends.append(end)
        if goes_back(found.texts, found.left, found.bottom, found.size) and not _RIGHT_TO_LEFT.search(
            "".join(found.texts)
        ):
            found = self._ordered(textpage, found, [index(end) for end in ends])
        found.step = _usual_step(found)
        return found

    def _ordered(self, textpage: object, lines: Lines, ends: list[int]) -> Lines:
        """The lines in the order in which they are read; ``ends`` are pdfium's numbers of their last characters."""
        spots = []
        for left, bottom, size, end in zip(lines.left, lines.bottom, lines.size, ends, strict=True):
            pdfium.FPDFText_GetLooseCharBox(textpage, end, self._at)
            spots.append(Spot(left, max(left, self._box.right), bottom, bottom + max(size, 1.0)))
        ordered = Lines([])
        for line in in_reading_order(spots):
            ordered.add(lines.texts[line], lines.left[line], lines.bottom[line], lines.size[line])
        return ordered

    def _gap(self, textpage: object, end: int, left: float, size: float) -> str | None:
        """What stands between two pieces of one row: nothing or a space; None if they do not belong together."""
        pdfium.FPDFText_GetLooseCharBox(textpage, end, self._at)
        gap = left - self._box.right
        if gap < -_TOUCHING * size or gap > _NEXT_WORD * size:
            return None
        return "" if gap < _TOUCHING * size else " "

    def _extent(self, textpage: object, index: int) -> tuple[float, float]:
        pdfium.FPDFText_GetLooseCharBox(textpage, index, self._at)
        return self._box.left, self._box.right


def _pieces(rows: list[str]) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, each with its offset in the text of the page."""
    offset = 0
    for row in rows:
        pieces = [row] if _HYPHEN not in row else row.replace(_HYPHEN, _HYPHEN + "\n").split("\n")
        for piece in pieces:
            if piece and not piece.isspace():
                yield offset, piece
            offset += len(piece)
        offset += len("\r\n")


def _usual_step(lines: Lines) -> float:
    steps = sorted(
        above - below
        for above, below, size in zip(lines.bottom, lines.bottom[1:], lines.size, strict=False)
        if 0.5 * size < above - below < 3 * size
    )
    return steps[len(steps) // 2] if len(steps) > 1 else float("inf")


def _text(textpage: object, count: int) -> str:
    if count <= 0:
        return ""
    buffer = (ctypes.c_ushort * (count + 1))()
    written = pdfium.FPDFText_GetText(textpage, 0, count, buffer)
    return bytes(buffer)[: 2 * max(0, written - 1)].decode("utf-16-le", "surrogatepass")


def _index(textpage: object, text: str, count: int) -> Callable[[int], int]:
    """From an offset in the text to pdfium's number of that character; they differ where one has no Unicode."""
    if len(text) == count:
        return int

    def index(offset: int) -> int:
        units = len(text[:offset].encode("utf-16-le", "surrogatepass")) // 2
        return int(pdfium.FPDFText_GetCharIndexFromTextIndex(textpage, units))

    return index
