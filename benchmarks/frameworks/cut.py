"""Text into pieces that the model sees whole: the same for every framework, so that none is compared on less text.

Splitters that count characters or words leave text out where the model's window holds fewer of them than thought, as in
most languages but English; and the cutting itself is no part of what is compared.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from tokenizers import Tokenizer

SPECIAL = 2
"""Tokens that the model puts around a text."""


@cache
def tokenizer(model: str) -> Tokenizer:
    """The model's own, without its limit."""
    found = Tokenizer.from_file(str(Path(model) / "tokenizer.json"))
    found.no_truncation()
    found.no_padding()
    return found


def window(model: str) -> int:
    """How many tokens the model sees of a text."""
    settings = json.loads((Path(model) / "sentence_bert_config.json").read_text("utf-8"))
    return int(settings["max_seq_length"])


def cutter(model: str) -> Callable[[str], list[str]]:
    """Cuts a text into pieces that fit, without overlap, and without the NULs that Postgres would refuse."""
    size = window(model) - SPECIAL

    def cut(text: str) -> list[str]:
        text = text.replace("\0", "")
        offsets = tokenizer(model).encode(text, add_special_tokens=False).offsets
        starts = _starts(offsets, text, size)
        if not starts:
            return []
        ends = [*(offsets[start][0] for start in starts[1:]), len(text)]
        pieces = (text[offsets[start][0] : end].strip() for start, end in zip(starts, ends, strict=True))
        return [piece for piece in pieces if piece]

    return cut


def _starts(offsets: list[tuple[int, int]], text: str, size: int) -> list[int]:
    """The tokens that pieces start at, before a word where there is one: half a word has other tokens than the word."""
    starts, at = [], 0
    while at < len(offsets):
        starts.append(at)
        following = at + size
        if following < len(offsets):
            for candidate in range(following, at + size // 2, -1):
                if offsets[candidate - 1][1] < offsets[candidate][0]:
                    following = candidate
                    break
        at = following
    return starts
