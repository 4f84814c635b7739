"""Counting text in a model's own tokens."""

from pathlib import Path
from typing import Protocol

import tokenizers


class Tokenizer(Protocol):
    """What the chunker has to know of a model's tokenizer."""

    @property
    def special_tokens(self) -> int:
        """How many tokens the model adds to every text."""
        ...

    def starts(self, texts: list[str]) -> list[list[int]]:
        """For each text the character offset at which each of its tokens starts, in order, without special tokens."""
        ...


class ModelTokenizer:
    """A Hugging Face ``tokenizer.json``, without its truncation and padding."""

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self.special_tokens: int = tokenizer.num_special_tokens_to_add(is_pair=False)

    @classmethod
    def load(cls, file: Path) -> "ModelTokenizer":
        """Read a ``tokenizer.json``. Raises FileNotFoundError, or ValueError when it is none."""
        if not file.is_file():
            raise FileNotFoundError(f"{file} does not exist; a model folder must hold a fast tokenizer.")
        try:
            return cls(tokenizers.Tokenizer.from_file(str(file)))
        except Exception as error:  # the library raises bare Exception
            raise ValueError(f"{file} is no tokenizer: {error}") from error

    def starts(self, texts: list[str]) -> list[list[int]]:
        encodings = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [[start for start, _ in encoding.offsets] for encoding in encodings]

    def ids(self, texts: list[str], limit: int) -> list[list[int]]:
        """The ids of each text with the special tokens, at most ``limit`` of them."""
        content = limit - self.special_tokens
        encodings = self._tokenizer.encode_batch_fast(texts)
        return [encoding.ids if len(encoding.ids) <= limit else _truncated(encoding, content) for encoding in encodings]


def _truncated(encoding: tokenizers.Encoding, content: int) -> list[int]:
    """The ids with special tokens kept on both sides and the content between them cut."""
    ids, special = encoding.ids, encoding.special_tokens_mask
    leading = next((index for index, flag in enumerate(special) if not flag), len(ids))
    trailing = next((index for index, flag in enumerate(reversed(special)) if not flag), 0)
    return ids[: leading + content] + ids[len(ids) - trailing :]
