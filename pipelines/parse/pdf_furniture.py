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

_Key = tuple[bool, int, str | int]


def furniture(pages: Sequence[Lines]) -> list[frozenset[int]]:
    """The numbers of the lines of each page that are to be left out.

    A line is furniture when its text stands at the same height on three pages, or when a number in it counts the pages
    there; and when nothing but furniture is between it and the edge. What is more than a page number stays where it
    first stands, so that no word is lost.
    """
    edges = [tuple(_edges(lines)) for lines in pages]
    seen: Counter[_Key] = Counter()
    for number, rows in enumerate(edges):
        lines = pages[number]
        seen.update(
            {
                (at_top, round(lines.bottom[line]), mark)
                for at_top, row in rows
                for line in row
                for mark in _marks(lines.texts[line], number)
            }
        )
    least = max(_FEWEST, len(pages) // _ONE_IN)
    kept: set[str] = set()
    return [
        frozenset(_dropped(pages[page], _furniture(pages[page], page, rows, seen, least), kept))
        for page, rows in enumerate(edges)
    ]


def _edges(lines: Lines) -> Iterator[tuple[bool, list[int]]]:
    """The outermost rows of a page, from the edge inwards, first those at the top; each with whether it is there."""
    if not lines.placed:
        return
    order = sorted(range(len(lines.texts)), key=lines.bottom.__getitem__)
    yield from ((True, row) for row in islice(_rows(lines, order[: -_LINES - 1 : -1]), _ROWS + 1))
    yield from ((False, row) for row in islice(_rows(lines, order[:_LINES]), _ROWS + 1))


def _rows(lines: Lines, order: list[int]) -> Iterator[list[int]]:
    row: list[int] = []
    for line in order:
        if row and abs(lines.bottom[line] - lines.bottom[row[0]]) > _SAME_ROW:
            yield row
            row = []
        row.append(line)
    if row:
        yield row


def _marks(text: str, page: int) -> Iterator[str | int]:
    """What may repeat: the text, and how far each number in it is from the number of the page."""
    yield _plain(text)
    yield from (number - page for number in _numbers(text))


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


def _furniture(
    lines: Lines, page: int, rows: tuple[tuple[bool, list[int]], ...], seen: Counter[_Key], least: int
) -> list[int]:
    """The furniture of a page, from the top down; none where it would be all that the page has."""
    found: dict[int, None] = {}
    for wanted in (True, False):
        inwards = [row for at_top, row in rows if at_top is wanted]
        count = 0
        while count < len(inwards) and all(_repeats(lines, page, line, wanted, seen, least) for line in inwards[count]):
            count += 1
        while 0 < count < len(inwards) and _is_near(lines, inwards[count - 1], inwards[count]):
            count -= 1
        found.update(dict.fromkeys(line for row in inwards[: min(count, _ROWS)] for line in row))
    return list(found) if len(found) < len(lines.texts) else []


def _dropped(lines: Lines, found: list[int], kept: set[str]) -> Iterator[int]:
    yield from (line for line in found if _is_known(lines.texts[line], kept))


def _is_near(lines: Lines, outer: list[int], inner: list[int]) -> bool:
    return abs(lines.bottom[outer[0]] - lines.bottom[inner[0]]) < _ROOM * lines.step < float("inf")


def _repeats(lines: Lines, page: int, line: int, at_top: bool, seen: Counter[_Key], least: int) -> bool:  # noqa: FBT001
    height = round(lines.bottom[line])
    return any(
        seen[at_top, height, mark] + seen[at_top, height - 1, mark] + seen[at_top, height + 1, mark] >= least
        for mark in _marks(lines.texts[line], page)
    )


def _is_known(text: str, kept: set[str]) -> bool:
    """Whether a line says nothing that was not kept before; from now on it is."""
    said = " ".join(word for word in _NUMBER.sub("", _plain(text)).split() if not _is_roman(word)).strip(_AROUND)
    known = sum(letter.isalpha() for letter in said) < 2 or said in kept
    kept.add(said)
    return known
