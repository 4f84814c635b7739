"""The process that holds the embedding model: embeds, and says what it is."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipelines.embed import Embedder
from tasks.isolated.errors import classify

__all__ = ["ModelFacts", "calls", "classify"]

NICENESS = 5
"""Embedding takes all cores; what is short (the dispatcher, Postgres, a search) goes first."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What identifies the model's vectors."""

    name: str
    revision: str
    arithmetic: str
    dimension: int
    max_tokens: int


def calls(model: str, arithmetic: str, threads: str) -> dict[str, Callable[..., Any]]:
    """The functions of this process; the model is loaded once, here."""
    # Before a slice is computed, all cores split its texts into tokens; nothing else of this process wants them then.
    os.environ.update(TOKENIZERS_PARALLELISM="true", RAYON_NUM_THREADS=threads)
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    embedder = Embedder.load(model, arithmetic=arithmetic, threads=int(threads))

    def facts() -> ModelFacts:
        return ModelFacts(
            embedder.name, embedder.revision, embedder.arithmetic, embedder.dimension, embedder.max_tokens
        )

    def embed(texts: list[str], report: Callable[[int, int], None]) -> bytes:
        return embedder.embed(texts, report)

    return {"facts": facts, "embed": embed}
