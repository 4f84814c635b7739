"""The process that holds the cross-encoder: scores passages for a query, and says what it is."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipelines.rerank import Reranker
from tasks.isolated.errors import classify
from tasks.isolated.model import NICENESS

__all__ = ["RerankerFacts", "calls", "classify"]


@dataclass(frozen=True, slots=True)
class RerankerFacts:
    """What identifies the model's scores."""

    name: str
    revision: str
    max_tokens: int


def calls(model: str, threads: str) -> dict[str, Callable[..., Any]]:
    """The functions of this process; the model is loaded once, here."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    reranker = Reranker.load(model, threads=int(threads))

    def facts() -> RerankerFacts:
        return RerankerFacts(reranker.name, reranker.revision, reranker.max_tokens)

    def scores(query: str, passages: list[str], report: Callable[[int, int], None]) -> list[float]:
        return reranker.scores(query, passages, report)

    return {"facts": facts, "scores": scores}
