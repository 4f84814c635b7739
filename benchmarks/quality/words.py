"""Two texts of one document, compared as people would: by their words, not by how they are set.

The same is done to the truth and to what every reader gives: compatibility forms are written out (ligatures, full
width), case and accents' encoding are evened out, soft hyphens go, and hyphens between letters too, at a line's end and
elsewhere: so no reader is judged by how it divides words (``join=False`` does judge that). Words are runs of letters
and digits; in scripts that put no spaces between words, each character is one.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

# U+FFFE is how pdfium says that it has taken a hyphen away. What plain pdfium gives is not to suffer from it here.
_DIVIDED = re.compile(r"(?<=[^\W\d_])[-\u2010\u2011\xad\ufffe](?:\s*\n\s*)?(?=[^\W\d_])")
_INVISIBLE = re.compile("[\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\0]")
_WORD = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    r"|(?:(?![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff])[^\W_])+"
)


_COUNTED = re.compile(r"\d+|(?<=\s)[ivxlc]+\Z|\A[ivxlc]+(?=\s|\Z)")
_EDGE = 2
_REPEATED = 3


@dataclass(frozen=True, slots=True)
class Score:
    """From 0 to 1. ``order`` is the share of the truth's pairs of neighbouring words that are neighbours again.

    ``inside`` is recall without the lines that repeat at the edges of pages. It judges nobody, but explains: a word
    that the truth repeats where the PDF does not print it is found in the running headers of those who keep them.
    """

    recall: float
    precision: float
    order: float
    inside: float


JUDGED = ("recall", "precision")
SHOWN = (*JUDGED, "order")


def words(text: str, *, join: bool = True) -> list[str]:
    """The words of a text in order, written in one way; with ``join=False`` a hyphen ends a word."""
    text = text.replace("\r\n", "\n")
    if join:
        text = _DIVIDED.sub("", text)
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
    return _WORD.findall("".join(char for char in text if not unicodedata.combining(char)))


def score(truth: list[str], pages: Sequence[str], *, join: bool = True) -> Score:
    """How much of the truth is in the text of these pages, how much of that is true, how much of the order is kept."""
    found = words("\n".join(pages), join=join)
    return Score(
        recall=_share(truth, found),
        precision=_share(found, truth),
        order=_share(list(pairwise(truth)), list(pairwise(found))),
        inside=_share(truth, words("\n".join(without_furniture(pages)), join=join)),
    )


def without_furniture(pages: Sequence[str]) -> list[str]:
    """The pages without the lines that, but for their digits, stand at the edge of three of them or more."""
    split = [[line for line in page.splitlines() if line.strip()] for page in pages]
    seen = Counter(key for lines in split for key in {_bare(line) for line in (*lines[:_EDGE], *lines[-_EDGE:])})
    kept = []
    for lines in split:
        inner = range(_EDGE, len(lines) - _EDGE)
        kept.append("\n".join(line for at, line in enumerate(lines) if at in inner or seen[_bare(line)] < _REPEATED))
    return kept


def _bare(line: str) -> str:
    return _COUNTED.sub("#", " ".join(line.casefold().split()))


def missing(truth: list[str], found: list[str], most: int) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """The words that are lost most often, and those that are found too often, each with how often."""
    lost, added = Counter(truth) - Counter(found), Counter(found) - Counter(truth)
    return lost.most_common(most), added.most_common(most)


def _share(wanted: Iterable[Hashable], given: Iterable[Hashable]) -> float:
    """The share of a multiset that is in another; 1.0 for an empty one."""
    counted = Counter(wanted)
    total = counted.total()
    return (counted & Counter(given)).total() / total if total else 1.0
