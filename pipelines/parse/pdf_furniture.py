"""Running headers, footers and page numbers: what stands at the edge of page after page, and cuts sentences in two."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from pipelines.parse.pdf_lines import Lines

# On so many pages a line must stand to be furniture; of many pages, on one in twenty.
_FEWEST = 3
_ONE_IN = 20
_ROWS = 3
# Between furniture and what is to be read there is more room than between lines.
_ROOM = 1.2
# A number anywhere in a short line may count pages, in a longer one at its ends only.
_SHORT, _LONG = 30, 150
_LINES = 8
_SAME_ROW = 2.0  # points
_NUMBER = re.compile(r"\d{1,5}")
_ROMAN = re.compile(r"(?=.)(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})")
_AROUND = " -–—|/.·•"
_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}

_Rows = list[list[int]]
_Mark = tuple[int, str | int]
"""A height in points, and what stands there: a text, or how far a number is from that of the page."""


def furniture(pages: Sequence[Lines]) -> list[frozenset[int]]:
    """The numbers of the lines of each page that are to be left out.

    A line is furniture when its text stands at the same height on three pages, or when a number in it counts the pages
    there; and when nothing but furniture is between it and the edge. What is more than a page number stays where it
    first stands, so that no word is lost.
    """
    found: list[dict[int, None]] = [{} for _ in pages]
    for at_top in (True, False):
        rows = [_edge(lines, at_top) for lines in pages]
        for page, depth in enumerate(_depths(pages, rows)):
            near = _without_near(pages[page], rows[page], depth)
            found[page].update(dict.fromkeys(line for row in rows[page][:near] for line in row))
    kept: set[str] = set()
    return [_dropped(lines, lines_found, kept) for lines, lines_found in zip(pages, found, strict=True)]


def _edge(lines: Lines, at_top: bool) -> _Rows:  # noqa: FBT001
    """The outermost rows of a page, from the edge inwards."""
    if not lines.placed:
        return []
    order = sorted(range(len(lines.texts)), key=lines.bottom.__getitem__)
    return list(islice(_rows(lines, order[: -_LINES - 1 : -1] if at_top else order[:_LINES]), _ROWS + 1))


def _depths(pages: Sequence[Lines], rows: Sequence[_Rows]) -> list[int]:
    """How many of each page's outermost rows are furniture; the next one is looked at only where the last one is."""
    least = max(_FEWEST, len(pages) // _ONE_IN)
    depths = [0] * len(pages)
    going_on = list(range(len(pages)))
    for level in range(_ROWS):
        marks = {
            page: [list(_marks(pages[page], page, line)) for line in rows[page][level]]
            for page in going_on
            if level < len(rows[page])
        }
        seen = Counter(mark for page in marks.values() for mark in {mark for line in page for mark in line})
        going_on = [page for page, of_lines in marks.items() if all(_repeats(line, seen, least) for line in of_lines)]
        for page in going_on:
            depths[page] = level + 1
    return depths


def _repeats(marks: list[_Mark], seen: Counter[_Mark], least: int) -> bool:
    return any(seen[height, what] + seen[height - 1, what] + seen[height + 1, what] >= least for height, what in marks)


def _rows(lines: Lines, order: list[int]) -> Iterator[list[int]]:
    row: list[int] = []
    for line in order:
        if row and abs(lines.bottom[line] - lines.bottom[row[0]]) > _SAME_ROW:
            yield row
            row = []
        row.append(line)
    if row:
        yield row


def _marks(lines: Lines, page: int, line: int) -> Iterator[_Mark]:
    height, text = round(lines.bottom[line]), lines.texts[line]
    yield height, _plain(text)
    for number in _numbers(text):
        yield height, number - page


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _numbers(text: str) -> Iterator[int]:
    """The numbers in a line that may count pages; those of a long line are numbers of its sentence."""
    words = text.split()
    where = text if len(text) <= _SHORT else " ".join((words[0], *words[-3:])) if len(text) <= _LONG else ""
    yield from (int(number) for number in _NUMBER.findall(where)[:6])
    yield from (_roman(word.lower()) for word in {words[0], words[-1]} if _is_roman(word))


def _is_roman(word: str) -> bool:
    return len(word) < 8 and word[0] in "ivxlcIVXLC" and _ROMAN.fullmatch(word.lower()) is not None


def _roman(word: str) -> int:
    values = [_VALUES[letter] for letter in word]
    return sum(-value if value < max(values[place:]) else value for place, value in enumerate(values))


def _without_near(lines: Lines, rows: _Rows, depth: int) -> int:
    """The depth less the rows that are as near to what is to be read as its own lines are to each other."""
    while 0 < depth < len(rows) and _distance(lines, rows[depth - 1], rows[depth]) < _ROOM * lines.step < float("inf"):
        depth -= 1
    return depth


def _distance(lines: Lines, outer: list[int], inner: list[int]) -> float:
    return abs(lines.bottom[outer[0]] - lines.bottom[inner[0]])


def _dropped(lines: Lines, found: dict[int, None], kept: set[str]) -> frozenset[int]:
    """What of its furniture a page loses; nothing where it has nothing else."""
    if len(found) == len(lines.texts):
        return frozenset()
    return frozenset([line for line in found if _is_known(lines.texts[line], kept)])


def _is_known(text: str, kept: set[str]) -> bool:
    """Whether a line says nothing that was not kept before; from now on it is."""
    said = " ".join(word for word in _NUMBER.sub("", _plain(text)).split() if not _is_roman(word)).strip(_AROUND)
    known = sum(letter.isalpha() for letter in said) < 2 or said in kept
    kept.add(said)
    return known
