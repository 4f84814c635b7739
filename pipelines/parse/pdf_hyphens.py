"""Words that a line's end divides: put together, with their hyphen if they are written with one."""

import re
from collections.abc import Iterable

_LAST = re.compile(r"[^\W_]+(?:['’\-‐][^\W_]+)*\Z")
_FIRST = re.compile(r"[^\W_]+(?:['’\-‐][^\W_]+)*")
_SHORTEST, _LONG_TOGETHER = 4, 10
_BEHIND = ("", ".", ",", ")", ";", ":")


class Hyphens:
    """Decides about hyphens at line ends by what the document writes elsewhere, whatever its language."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Take up the words of these lines, where nothing is divided."""
        self._words = set("\n".join(texts).split())

    def joined(self, left: str, right: str) -> str:
        """The text of two lines of which the first ends in a hyphen; ``left`` is given without it."""
        head, tail = _LAST.search(left), _FIRST.match(right)
        if head is None or tail is None:
            return f"{left}-{right}"
        first, second = head[0], tail[0]
        if self._has(first + second):
            return left + right
        if self._has(f"{first}-{second}") or _is_compound(first, second) or self._are_words(first, second):
            return f"{left}-{right}"
        return left + right

    def _are_words(self, first: str, second: str) -> bool:
        """Whether both are words of the document by themselves; of short ones that is chance (``with-out``)."""
        long = min(len(first), len(second)) >= _SHORTEST and len(first) + len(second) >= _LONG_TOGETHER
        return long and self._has(first) and self._has(second)

    def _has(self, word: str) -> bool:
        forms = {word, word.lower(), word.capitalize()}
        return any(form + mark in self._words for form in forms for mark in _BEHIND)


def _is_compound(first: str, second: str) -> bool:
    """Whether a hyphen is the writer's: before a capital or a digit, after a digit, in what has one already."""
    if second[0].isdigit() or first[-1].isdigit() or "-" in first:
        return True
    return second[0].isupper() and not first.isupper()
