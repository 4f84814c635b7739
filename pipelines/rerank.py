"""From a query and passages to scores. Importing this module is cheap; torch is imported when a model is loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.batches import batches
from pipelines.errors import PermanentError
from pipelines.model_files import find_model, read_json

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

__all__ = ["Reranker"]

# Tokens in a batch, padding included: bounds its memory, whatever the window of a model; a single pair may have more.
# Four times as many take a tenth longer and 150 MB more.
_BATCH_TOKENS = 1_024


def _ignore(done: int, total: int) -> None:
    pass


class Reranker:
    """A cross-encoder in memory: reads a query and a passage together, and says how well this answers that."""

    def __init__(self, name: str, revision: str, model: CrossEncoder) -> None:
        self.name = name
        self.revision = revision
        self.max_tokens: int = model.max_seq_length
        self._model = model

    @classmethod
    def load(cls, model: str, *, threads: int) -> Reranker:
        """Load a model by folder, package name or hub id (see ``find_model``), to compute on so many cores.

        Raises ModelNotFoundError, ValueError for a model that is no cross-encoder or says more than one number of a
        pair, and what sentence-transformers raises for files that it cannot read.
        """
        folder, revision = find_model(model)
        _check_trained(model, folder)
        import torch
        from sentence_transformers import CrossEncoder
        from transformers.utils import logging

        torch.set_num_threads(threads)
        logging.disable_progress_bar()  # it would write to the standard error of a service
        loaded = CrossEncoder(str(folder), device="cpu", local_files_only=True)
        if loaded.num_labels != 1:
            raise ValueError(f"{model} gives {loaded.num_labels} numbers for a pair; one that re-ranks gives 1")
        return cls(model, revision, loaded)

    def scores(self, query: str, passages: list[str], report: Callable[[int, int], None] = _ignore) -> list[float]:
        """How well each passage answers the query, in their order; more is better, as ``CrossEncoder.predict`` says it.

        Of a pair that exceeds ``max_tokens``, the end of the longer text is not seen. ``report(done, total)`` counts
        passages. Raises PermanentError ``not_finite`` when the model computes no numbers.
        """
        found = [0.0] * len(passages)
        done = 0
        for batch in batches(self._lengths(query, passages), _BATCH_TOKENS):
            pairs = [(query, passages[index]) for index in batch]
            values = self._model.predict(pairs, batch_size=len(pairs), show_progress_bar=False)
            for index, value in zip(batch, values.tolist(), strict=True):
                found[index] = value
            done += len(batch)
            report(done, len(passages))
        if not all(abs(value) < float("inf") for value in found):
            raise PermanentError("not_finite", f"The model {self.name} computes scores that are no numbers.")
        return found

    def _lengths(self, query: str, passages: list[str]) -> list[int]:
        """Tokens of each pair, cut as the model cuts them."""
        if not passages:
            return []
        pairs = [[query, passage] for passage in passages]
        tokens = self._model.tokenizer(pairs, truncation="longest_first", max_length=self.max_tokens)
        return [len(ids) for ids in tokens["input_ids"]]


def _check_trained(model: str, folder: Path) -> None:
    """From any other model sentence-transformers makes one whose last layer is random, and says so in a log only."""
    if read_json(folder / "config_sentence_transformers.json").get("model_type") == "CrossEncoder":
        return
    architectures = read_json(folder / "config.json").get("architectures") or []
    if not any(name.endswith("ForSequenceClassification") for name in architectures):
        raise ValueError(f"{model} is no cross-encoder: {', '.join(architectures) or 'nothing'} is in its config.json")
