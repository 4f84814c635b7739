"""The smallest spans that a chunk is made of, each with its tokens and with how well the text breaks behind it."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from zlib import crc32

from pipelines.documents import Page
from pipelines.headings import headings_of
from pipelines.tokens import Tokenizer

# How well a text breaks behind an atom.
NOWHERE, LINE, SENTENCE, PARAGRAPH = range(4)

# Tokenized at a time: bounds the memory of a page that is one 200 MB text, while batches keep the cores busy.
_SEGMENT_CHARS = 32_768
_BATCH = 32
# A piece of text without any break, in tokens. Small, because the overlap is made of whole atoms.
_PIECE_TOKENS = 16

_BREAK = re.compile(
    r"(?P<paragraph>\n[ \t]*\n\s*)"
    r"|(?P<line>\n[ \t]*)"
    r"|(?<=[.!?…])(?P<quote>[\"'”’»)\]]*)[ \t]+(?=[^a-z\s])"
    r"|(?<=[。！？；])"
)
_ROW = re.compile(r"\s*(?:\||[-*+•] |\d+[.)] )")
_SENTENCE_END = re.compile(r"[.!?…:。！？；][\"'”’»)\]]*\Z")


@dataclass(frozen=True, slots=True)
class Atom:
    """A span of the page at index ``page``, without whitespace at either end.

    ``in_word``: it was cut out of a word. ``mark`` is a number that follows from its text alone.
    """

    page: int
    start: int
    end: int
    tokens: int
    strength: int
    heading: str | None
    is_heading: bool
    in_word: bool
    mark: int

    @property
    def chars(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class _Segment:
    page: int
    base: int
    text: str


def atoms_of(
    pages: list[Page], tokenizer: Tokenizer, max_tokens: int, max_chars: int, media_type: str
) -> Iterator[Atom]:
    """The atoms of all pages in order, none larger than either bound."""
    heading: str | None = None
    headings: dict[int, str] = {}
    current = -1
    for segment, starts in _tokenized(pages, tokenizer):
        if segment.page != current:
            current = segment.page
            headings = headings_of(pages[current].text, media_type)
        for start, end, strength in _spans(segment.text):
            title = headings.get(segment.base + start)
            heading = title or heading
            for piece in _pieces(segment.text, starts, start, end, max_tokens, max_chars):
                last = piece[1] == end
                yield Atom(
                    page=segment.page,
                    start=segment.base + piece[0],
                    end=segment.base + piece[1],
                    tokens=piece[2],
                    strength=NOWHERE if title or not last else strength,
                    heading=heading,
                    is_heading=title is not None,
                    in_word=piece[3],
                    mark=crc32(segment.text[piece[0] : piece[1]].encode("utf-8", "surrogatepass")),
                )


def _tokenized(pages: list[Page], tokenizer: Tokenizer) -> Iterator[tuple[_Segment, list[int]]]:
    batch: list[_Segment] = []
    for segment in _segments(pages):
        batch.append(segment)
        if len(batch) == _BATCH:
            yield from zip(batch, tokenizer.starts([one.text for one in batch]), strict=True)
            batch = []
    if batch:
        yield from zip(batch, tokenizer.starts([one.text for one in batch]), strict=True)


def _segments(pages: list[Page]) -> Iterator[_Segment]:
    for index, page in enumerate(pages):
        base = 0
        while base < len(page.text):
            end = _segment_end(page.text, base)
            yield _Segment(index, base, page.text[base:end])
            base = end


def _segment_end(text: str, base: int) -> int:
    """Where the segment that starts at ``base`` ends: behind the best break in its second half."""
    limit = base + _SEGMENT_CHARS
    if limit >= len(text):
        return len(text)
    for separator in ("\n\n", "\n", " ", "。"):
        found = text.rfind(separator, base + _SEGMENT_CHARS // 2, limit)
        if found >= 0:
            return found + len(separator)
    return limit


def _spans(text: str) -> Iterator[tuple[int, int, int]]:
    """Start, end and strength of every sentence or line, without the whitespace around it."""
    start = 0
    for match in _BREAK.finditer(text):
        end = match.start() + len(match["quote"] or "")
        yield from _trimmed(text, start, end, _strength(text, match, start))
        start = match.end()
    final = SENTENCE if text.endswith("\n") or _SENTENCE_END.search(text[-8:].rstrip()) else LINE
    yield from _trimmed(text, start, len(text), final)


def _strength(text: str, match: "re.Match[str]", start: int) -> int:
    if match["paragraph"] is not None:
        return PARAGRAPH
    if match["line"] is None:
        return SENTENCE
    ended = _SENTENCE_END.search(text[max(start, match.start() - 8) : match.start()])
    return SENTENCE if ended or _ROW.match(text, match.end()) or _ROW.match(text, start) else LINE


def _trimmed(text: str, start: int, end: int, strength: int) -> Iterator[tuple[int, int, int]]:
    content = text[start:end]
    stripped = content.strip()
    if stripped:
        start += len(content) - len(content.lstrip())
        yield start, start + len(stripped), strength


def _pieces(
    text: str, starts: list[int], start: int, end: int, max_tokens: int, max_chars: int
) -> Iterator[tuple[int, int, int, bool]]:
    """The span as it is if it is small enough, else in pieces: start, end, tokens, whether a word was cut."""
    first, last = bisect_left(starts, start), bisect_left(starts, end)
    if last - first <= max_tokens and end - start <= max_chars:
        yield start, end, max(1, last - first), False
        return
    cuts = _cuts(starts[first:last], start, end, min(_PIECE_TOKENS, max_tokens), max_chars // 4)
    for left, right in pairwise(cuts):
        in_word = (left > start and _in_word(text, left)) or (right < end and _in_word(text, right))
        tokens = bisect_left(starts, right) - bisect_left(starts, left)
        for piece_start, piece_end, _ in _trimmed(text, left, right, NOWHERE):
            yield piece_start, piece_end, max(1, tokens), in_word


def _in_word(text: str, offset: int) -> bool:
    return not text[offset - 1].isspace() and not text[offset].isspace()


def _cuts(starts: list[int], start: int, end: int, tokens: int, chars: int) -> list[int]:
    """Offsets at every so many tokens, and between them at every so many characters where tokens are that long."""
    cuts = [start]
    for cut in (*starts[tokens::tokens], end):
        while cut - cuts[-1] > chars:
            cuts.append(cuts[-1] + chars)
        if cut > cuts[-1]:
            cuts.append(cut)
    return cuts
