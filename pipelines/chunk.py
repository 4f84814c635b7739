"""Cuts the text of pages into chunks of a bounded number of tokens.

A text is tokenized once. Its sentences, lines and paragraphs become *atoms*, each with its number of tokens, and atoms
are packed into windows. A window that is full is cut where the text breaks best: before a heading, after a paragraph,
after a sentence, and only if there is none of these in its second half, in the middle of running text; then, and only
then, the next chunk repeats the last tokens. So a document costs hardly more tokens than it has.

Of several equally good breaks the text itself chooses (content-defined chunking): after an edit the cuts soon are again
where they had been, and the chunks behind it are the same as before.
"""

import hashlib
import re
import unicodedata
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pipelines.atoms import NOWHERE, SENTENCE, Atom, atoms_of
from pipelines.documents import Chunk, Page
from pipelines.tokens import Tokenizer

__all__ = ["CHUNKER_VERSION", "chunk", "chunk_id", "span_text", "text_hash"]

# Part of a result's fingerprint: raise it whenever the same pages may give other chunks.
CHUNKER_VERSION = "2"

_NAMESPACE = uuid.UUID("6f0f6d0e-5f0b-5d0a-9c2e-1d0c6b7a4e21")
# Text has about five characters per token. What has many more is no running text, such as base64 that a tokenizer
# takes for one unknown word, and would otherwise become a chunk of a megabyte.
_CHARS_PER_TOKEN = 16
_WHITESPACE = re.compile(r"\s+")


def chunk(pages: list[Page], *, tokenizer: Tokenizer, window: int, overlap: int, media_type: str) -> list[Chunk]:
    """The chunks of a document, in order; the same pages give the same chunks.

    ``window`` bounds a chunk's tokens, special ones included; ``overlap`` the tokens that are repeated where running
    text had to be cut, at most a quarter of the window. Headings are told by Markdown's ``#``, which all
    formats are parsed to but those that are kept verbatim.
    Time and memory are linear. Raises ValueError when the window leaves no room for text.
    """
    budget = window - tokenizer.special_tokens
    if budget < 8 or not 0 <= overlap < budget:
        raise ValueError(f"a window of {window} tokens with an overlap of {overlap} leaves no room for text")
    atoms = atoms_of(pages, tokenizer, budget, budget * _CHARS_PER_TOKEN, media_type)
    chunks: list[Chunk] = []
    for group in _packed(atoms, budget, min(overlap, budget // 4)):
        for fitting, tokens in _fitted(group, pages, tokenizer, budget):
            chunks.append(_chunk(len(chunks), fitting, pages, tokens + tokenizer.special_tokens))
    return chunks


def span_text(pages: list[Page], first: int, start: int, last: int, end: int) -> str:
    """The text of a span: from offset ``start`` of the page at index ``first`` to offset ``end`` of that at ``last``.

    Within a page that is a slice; across pages the pieces are stripped and joined with a newline, empty ones left out.
    """
    if first == last:
        return pages[first].text[start:end]
    inner = (page.text for page in pages[first + 1 : last])
    pieces = (piece.strip() for piece in (pages[first].text[start:], *inner, pages[last].text[:end]))
    return "\n".join(piece for piece in pieces if piece)


def chunk_id(document_id: str, ordinal: int, text: str) -> str:
    """A UUID that is the same whenever document, place and text are."""
    return str(uuid.uuid5(_NAMESPACE, f"{document_id}/{ordinal}/{text_hash(text).hex()}"))


def text_hash(text: str) -> bytes:
    """SHA-256 of the text as a model sees it: NFC, whitespace collapsed. The key of the embedding cache."""
    normal = _WHITESPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()
    return hashlib.sha256(normal.encode("utf-8", "surrogatepass")).digest()


def _packed(atoms: Iterable[Atom], budget: int, overlap: int) -> Iterator[list[Atom]]:
    held: list[Atom] = []
    tokens = chars = 0
    for atom in atoms:
        while held and (tokens + atom.tokens > budget or chars + atom.chars > budget * _CHARS_PER_TOKEN):
            cut = _best_cut(held, budget)
            yield held[:cut]
            held = _carried(held, cut, overlap, budget - atom.tokens)
            tokens, chars = sum(one.tokens for one in held), sum(one.chars for one in held)
        if held and atom.is_heading and not held[-1].is_heading and tokens >= budget // 3:
            yield held
            held, tokens, chars = [], 0, 0
        held.append(atom)
        tokens += atom.tokens
        chars += atom.chars
    if held:
        yield held


def _best_cut(held: list[Atom], budget: int) -> int:
    """How many atoms to take: those up to the best break in the second half of the window, the one of highest mark."""
    best, tokens = len(held), sum(atom.tokens for atom in held)
    for count in range(len(held), 0, -1):
        if tokens < budget / 2:
            break
        if _breaks(held[count - 1]) > _breaks(held[best - 1]):
            best = count
        tokens -= held[count - 1].tokens
    return best


def _breaks(atom: Atom) -> tuple[int, int]:
    """How well the text may be cut behind an atom."""
    # Nowhere in particular, the last is taken: each such cut costs an overlap.
    return atom.strength, atom.mark if atom.strength > NOWHERE else 0


def _carried(held: list[Atom], cut: int, overlap: int, room: int) -> list[Atom]:
    """The atoms that the next window begins with: the rest, and before it what is repeated of running text."""
    rest = held[cut:]
    if held[cut - 1].strength >= SENTENCE or held[cut - 1].is_heading:
        return rest
    first, repeated = cut, 0
    left = room - sum(atom.tokens for atom in rest)
    while first > 1 and repeated + held[first - 1].tokens <= min(overlap, left):
        first -= 1
        repeated += held[first].tokens
    return held[first:]


def _fitted(
    group: list[Atom], pages: list[Page], tokenizer: Tokenizer, budget: int
) -> Iterator[tuple[list[Atom], int]]:
    """The group and its tokens, or its halves: words that were cut apart may have more tokens than they had as one."""
    if not any(atom.in_word for atom in group):
        yield group, sum(atom.tokens for atom in group)
        return
    tokens = len(tokenizer.starts([_text(group, pages)])[0])
    if tokens <= budget or (len(group) == 1 and group[0].chars < 2):
        yield group, tokens
        return
    for half in _halves(group, pages):
        yield from _fitted(half, pages, tokenizer, budget)


def _halves(group: list[Atom], pages: list[Page]) -> tuple[list[Atom], list[Atom]]:
    if len(group) > 1:
        return group[: len(group) // 2], group[len(group) // 2 :]
    (atom,) = group
    text = _text(group, pages)
    left, right = text[: len(text) // 2].rstrip(), text[len(text) // 2 :].lstrip()
    return [replace(atom, end=atom.start + len(left))], [replace(atom, start=atom.end - len(right))]


def _text(group: list[Atom], pages: list[Page]) -> str:
    return span_text(pages, group[0].page, group[0].start, group[-1].page, group[-1].end)


def _chunk(ordinal: int, group: list[Atom], pages: list[Page], tokens: int) -> Chunk:
    first, last = group[0], group[-1]
    return Chunk(
        ordinal=ordinal,
        page_first=pages[first.page].number,
        page_last=pages[last.page].number,
        start=first.start,
        end=last.end,
        heading=first.heading,
        tokens=tokens,
        text=_text(group, pages),
    )
