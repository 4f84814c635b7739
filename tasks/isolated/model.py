"""The process that holds the embedding model: chunks, embeds, and says what it is."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipelines.chunk import chunk
from pipelines.documents import Chunk, Page
from pipelines.embed import Embedder
from tasks.isolated.errors import classify

__all__ = ["ModelFacts", "calls", "classify"]

OVERLAP_TOKENS = 32
"""Of running text that is split: enough for a sentence to be found from either side."""

NICENESS = 5
"""Embedding takes all cores; what is short (the dispatcher, Postgres, a search) goes first."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What identifies the model's vectors."""

    name: str
    revision: str
    arithmetic: str
    dimension: int


def calls(model: str, arithmetic: str, threads: str) -> dict[str, Callable[..., Any]]:
    """The functions of this process; the model is loaded once, here."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    embedder = Embedder.load(model, arithmetic=arithmetic, threads=int(threads))

    def facts() -> ModelFacts:
        return ModelFacts(embedder.name, embedder.revision, embedder.arithmetic, embedder.dimension)

    def chunk_pages(pages: list[Page], media_type: str) -> list[Chunk]:
        window = embedder.max_tokens
        return chunk(pages, tokenizer=embedder.tokenizer, window=window, overlap=OVERLAP_TOKENS, media_type=media_type)

    def embed(texts: list[str], report: Callable[[int, int], None]) -> bytes:
        return embedder.embed(texts, report)

    return {"facts": facts, "chunk": chunk_pages, "embed": embed}
