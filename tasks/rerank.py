"""Re-ranking for searches: a vectorize worker has the cross-encoder score their candidates, before it goes on."""

import logging
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, text, update

from app.isolation import DocumentProcess
from app.runtime import engine
from config.settings import settings
from docrelay.database import transact
from docrelay.names import Channel
from docrelay.tables import Reranking
from tasks import serving
from tasks.engine import model_engine
from tasks.isolated.rerank import RerankerFacts
from tasks.model_turns import Rank, Turns
from tasks.serving import LIMITS, NoWatch

log = logging.getLogger(__name__)

SLICE_PASSAGES = 64
"""Scored in one turn, which is as long as that of a document's slice."""

TAKEN = text("interval '5 seconds'")
"""What a worker has begun with and not answered by then, another does too: it may be gone. The first answer counts."""

OTHERS = text("interval '1 second'")
"""A worker without a model says so after this, if none of those that have one has begun."""

UNSET = "no vectorize worker has a model for it: set DOCRELAY_RERANK_MODEL to a cross-encoder, and restart them"


def start() -> None:
    """Answer from now on, with the model loaded if one is set."""
    model = settings().rerank_model
    serving.start("rerank", Channel.RERANK, _answer_one, prepare=_reranker().load if model else lambda: None)


class Reranker:
    """The cross-encoder's process; for one thread."""

    def __init__(self, turns: Turns, model: str) -> None:
        """Prepare; it takes its turns with the embedding models."""
        arguments = [model, str(settings().vectorize_threads)]
        self._process = DocumentProcess("tasks.isolated.rerank", arguments, memory_mb=LIMITS.memory_mb)
        self._turns = turns

    def load(self) -> None:
        """Have it loaded: outside of any turn, for it takes seconds and one core.

        Raises:
            NotReady: it is not there, or no cross-encoder.
        """
        if self._process.pid is None:
            self._process.call("facts", {}, RerankerFacts, LIMITS, NoWatch())

    def scores(self, query: str, passages: list[str]) -> list[float]:
        """The scores of so many passages as one turn is long; raises what `DocumentProcess.call` raises."""
        self.load()
        arguments = {"query": query, "passages": passages}
        with self._turns.take(Rank.SEARCH):
            return self._process.call("scores", arguments, list[float], LIMITS, NoWatch())


@cache
def _reranker() -> Reranker:
    return Reranker(model_engine().turns, settings().rerank_model)


def _answer_one() -> int:
    """Answer a search that waits longest; how many there were."""
    has_model = bool(settings().rerank_model)
    row = transact(engine(), lambda connection: _take(connection, has_model=has_model))
    if row is None:
        return 0
    try:
        values = _scored(row) if has_model else {"error": UNSET}
    except Exception as error:
        log.exception("a search could not be re-ranked")
        values = {"error": f"{type(error).__name__}: {error}"}

    def store(connection: Connection) -> None:
        connection.execute(update(Reranking).where(Reranking.id == row.id).values(**values))
        serving.tell(connection, row.id)

    transact(engine(), store)
    return 1


def _take(connection: Connection, *, has_model: bool) -> Any:
    """The oldest request that nobody works on, taken by this worker."""
    free = Reranking.taken_at.is_(None)
    if has_model:
        mine = or_(free, Reranking.taken_at < func.now() - TAKEN)
    else:
        mine = and_(free, Reranking.created_at < func.now() - OTHERS)
    oldest = (
        select(Reranking.id)
        .where(Reranking.scores.is_(None), Reranking.error.is_(None), mine)
        .order_by(Reranking.created_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    taken = update(Reranking).where(Reranking.id == oldest.scalar_subquery()).values(taken_at=func.now())
    return connection.execute(taken.returning(Reranking.id, Reranking.query, Reranking.passages)).one_or_none()


def _scored(row: Any) -> dict[str, Any]:
    """The scores, slice by slice; without any, if the one who asked has gone meanwhile."""
    passages: Sequence[str] = row.passages
    shortest_first = sorted(range(len(passages)), key=lambda index: len(passages[index]))
    scores = [0.0] * len(passages)
    for start_ in range(0, len(passages), SLICE_PASSAGES):
        if start_ and not transact(engine(), lambda connection: _still_wanted(connection, row.id)):
            return {"error": "nobody waits for it any more"}
        part = shortest_first[start_ : start_ + SLICE_PASSAGES]
        found = _reranker().scores(row.query, [passages[index] for index in part])
        for index, score in zip(part, found, strict=True):
            scores[index] = score
    return {"scores": scores}


def _still_wanted(connection: Connection, request: object) -> bool:
    return connection.scalar(select(Reranking.id).where(Reranking.id == request)) is not None
