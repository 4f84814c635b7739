"""The headings of a PDF: by its outline, and where it has none by the size of type."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import category

from pipelines.parse.pdf_lines import Lines

_DEEPEST = 6
_LINES_OF_TITLE = 3
_BEGINNING = 12  # so many letters of a title are on its first line
# By size: so much larger than the body, in so few of the lines, in a document of so many.
_LARGER = 1.15
_SAME_SIZE = 1.06
_FEWEST_LINES = 20
_MOST_HEADINGS = 0.15
_LEVELS_BY_SIZE = 4
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Title:
    """An entry of the outline that leads to a page; ``level`` counts from 1."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """Lines of a page that are one heading: the first, and how many."""

    first: int
    count: int
    level: int


def headings(
    pages: Sequence[Lines], titles: Mapping[int, Sequence[Title]], dropped: Sequence[frozenset[int]]
) -> list[list[Heading]]:
    """The headings of each page, in order; ``titles`` are those of the outline by the number of the page, from 0."""
    if titles:
        found = [list(_of_page(lines, titles.get(page, ()), dropped[page])) for page, lines in enumerate(pages)]
        if sum(map(len, found)) * 2 >= sum(map(len, titles.values())):
            return found
        by_size = _by_size(pages, dropped)
        return by_size if any(by_size) else found
    return _by_size(pages, dropped)


def _of_page(lines: Lines, titles: Sequence[Title], dropped: frozenset[int]) -> Iterator[Heading]:
    if not titles or not lines.placed:
        return
    plain = _plain("\n".join(lines.texts)).split("\n")
    taken = -1
    for title in titles:
        wanted = _plain(title.text)
        places = [
            (lines.size[first], -first, count)
            for first in range(len(plain))
            if wanted[:_BEGINNING] in plain[first]
            and first > taken
            and first not in dropped
            and (count := _matches(plain, first, wanted))
        ]
        if wanted and places:
            _, place, count = max(places)
            taken = -place + count - 1
            yield Heading(-place, count, min(title.level, _DEEPEST))


def _plain(text: str) -> str:
    return text.casefold().replace(" ", "").replace("\xa0", "").replace("\ufffe", "").replace("\xad", "")


def _matches(plain: list[str], first: int, wanted: str) -> int:
    """How many lines from ``first`` on are this title, with or without a number before it; 0 if they are not."""
    text = ""
    for count in range(1, min(_LINES_OF_TITLE, len(plain) - first) + 1):
        text += plain[first + count - 1]
        if text.endswith(wanted) and _is_number(text[: -len(wanted)]):
            return count
        if len(text) > len(wanted) + 24:
            break
    return 0


def _is_number(text: str) -> bool:
    return (
        len(text) <= 16 and re.fullmatch(r"[^\W\d_]{0,12}\.?[\divxlca-h]{1,4}(?:\.\d{1,3})*[.:)\-–]?", text) is not None
    )


def _by_size(pages: Sequence[Lines], dropped: Sequence[frozenset[int]]) -> list[list[Heading]]:
    nothing: list[list[Heading]] = [[] for _ in pages]
    body = _body_size(pages)
    if body <= 0:
        return nothing
    runs = [list(_large_runs(lines, body, dropped[page])) for page, lines in enumerate(pages)]
    total = sum(len(lines.texts) for lines in pages)
    large = sum(count for page in runs for _, count, _ in page)
    if total < _FEWEST_LINES or large > total * _MOST_HEADINGS:
        return nothing
    levels = _levels({size for page in runs for *_, size in page})
    return [[Heading(first, count, levels[size]) for first, count, size in page] for page in runs]


def _body_size(pages: Sequence[Lines]) -> float:
    """The size of most of the text; 0.0 if no size is that of most."""
    chars: defaultdict[float, int] = defaultdict(int)
    for lines in pages:
        for size, text in zip(lines.size, lines.texts, strict=False):
            chars[round(size, 1)] += len(text)
    if not chars:
        return 0.0
    body = max(chars, key=chars.__getitem__)
    near = sum(count for size, count in chars.items() if size <= body * _LARGER)
    return body if near >= 0.7 * sum(chars.values()) else 0.0


def _large_runs(lines: Lines, body: float, dropped: frozenset[int]) -> Iterator[tuple[int, int, float]]:
    """First line, number of lines and size of what is set larger than the body, and reads as a heading."""
    if not lines.placed:
        return
    first = 0
    while first < len(lines.texts):
        count, size = 1, lines.size[first]
        if size >= body * _LARGER and first not in dropped:
            while first + count < len(lines.texts) and _goes_on(lines, first + count, size):
                count += 1
            if _reads_as_heading(lines.texts[first : first + count]):
                yield first, count, round(size, 1)
        first += count


def _goes_on(lines: Lines, line: int, size: float) -> bool:
    step = lines.bottom[line - 1] - lines.bottom[line]
    return size / _SAME_SIZE <= lines.size[line] <= size * _SAME_SIZE and 0 < step < 1.6 * size


def _reads_as_heading(texts: list[str]) -> bool:
    text = " ".join(texts)
    letters = sum(char.isalpha() for char in text)
    mostly_letters = letters >= max(3, len(text) // 2)
    formula = category(text[0]) == "Sm"  # its large brackets make it large
    short = len(texts) <= _LINES_OF_TITLE and len(text) <= _LONGEST
    return short and mostly_letters and not formula and text[-1] not in ",;"


def _levels(sizes: set[float]) -> dict[float, int]:
    """A level for each size, the largest first; sizes that hardly differ share one."""
    levels: dict[float, int] = {}
    level, previous = 0, float("inf")
    for size in sorted(sizes, reverse=True):
        if size * _SAME_SIZE < previous:
            level, previous = min(level + 1, _LEVELS_BY_SIZE), size
        levels[size] = level
    return levels
