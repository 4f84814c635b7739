"""The process that cuts text into chunks: with a model's tokenizer, without the model, which others need meanwhile."""

import os
from collections.abc import Callable
from typing import Any

from pipelines.chunk import chunk
from pipelines.documents import Chunk, Page
from pipelines.model_files import find_model
from pipelines.tokens import ModelTokenizer
from tasks.isolated.errors import classify

__all__ = ["calls", "classify"]

OVERLAP_TOKENS = 32
"""Of running text that is split: enough for a sentence to be found from either side."""


def calls(model: str) -> dict[str, Callable[..., Any]]:
    """The functions of this process; the tokenizer is loaded once, here."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    folder, _ = find_model(model)
    tokenizer = ModelTokenizer.load(folder / "tokenizer.json")

    def chunk_pages(pages: list[Page], media_type: str, window: int) -> list[Chunk]:
        return chunk(pages, tokenizer=tokenizer, window=window, overlap=OVERLAP_TOKENS, media_type=media_type)

    return {"chunk": chunk_pages}
