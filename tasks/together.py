"""Texts of several documents in one call of the model: one that has few would leave most cores idle."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from app.isolation import Limits, Watch
from app.isolation.failures import CallFailed
from tasks.model_turns import Rank, Turns

log = logging.getLogger(__name__)

SLICE_TEXTS = 64
"""Texts embedded at a time: what a crash repeats, and how long a search may have to wait."""

Compute = Callable[[list[str], Limits, Watch], bytes]
"""From texts to their vectors, one after another; raises what `DocumentProcess.call` raises."""


@dataclass(eq=False, slots=True)
class _Request:
    """Texts that wait for their vectors. ``alone``: with those of others they have failed."""

    texts: list[str]
    rank: Rank
    vectors: bytes | None = None
    alone: bool = False


class Together:
    """Takes turns at one model, and takes along whoever waits and fits into the slice."""

    def __init__(self, turns: Turns, compute: Compute) -> None:
        """Nobody waits yet."""
        self._turns = turns
        self._compute = compute
        self._lock = threading.Lock()
        self._waiting: list[_Request] = []

    def embed(self, texts: list[str], limits: Limits, watch: Watch, *, rank: Rank) -> bytes:
        """The vectors of the texts, as `compute` gives them; raises what it raises for these texts alone."""
        mine = _Request(texts, rank)
        with self._lock:
            self._waiting.append(mine)
        try:
            with self._turns.take(rank, served=lambda: mine.vectors is not None):
                if mine.vectors is None:
                    self._serve(mine, limits, watch)
        finally:
            with self._lock:
                self._waiting.remove(mine)
        assert mine.vectors is not None
        return mine.vectors

    def _serve(self, mine: _Request, limits: Limits, watch: Watch) -> None:
        company = self._company(mine)
        if len(company) > 1:
            try:
                self._compute_all(company, limits, _Share(watch, len(mine.texts)))
                return
            except CallFailed as error:
                # Whose text it was nobody knows: each finds out by itself.
                log.warning("a call for %d documents failed, each is tried alone now: %s", len(company), error)
                for each in company:
                    each.alone = True
        mine.vectors = self._compute(mine.texts, limits, watch)

    def _company(self, mine: _Request) -> list[_Request]:
        """Those of the same rank that fit into the slice, in the order in which they came."""
        company, count = [mine], len(mine.texts)
        with self._lock:
            for each in [] if mine.alone else self._waiting:
                fits = count + len(each.texts) <= SLICE_TEXTS
                if each is not mine and each.rank == mine.rank and each.vectors is None and not each.alone and fits:
                    company.append(each)
                    count += len(each.texts)
        return company

    def _compute_all(self, company: list[_Request], limits: Limits, watch: Watch) -> None:
        texts = [text for each in company for text in each.texts]
        vectors = self._compute(texts, limits, watch)
        width, start = len(vectors) // len(texts), 0
        for each in company:
            end = start + width * len(each.texts)
            each.vectors, start = vectors[start:end], end


class _Share:
    """Progress of a slice that others share, told as that of one's own texts."""

    def __init__(self, watch: Watch, texts: int) -> None:
        self.check = watch.check
        self._watch = watch
        self._texts = texts

    def progress(self, done: int, total: int) -> None:
        """So many of all texts are done."""
        self._watch.progress(done * self._texts // total, self._texts)
