"""Answering searches: a vectorize worker gives queries their vectors, between the batches of documents."""

import logging
from collections.abc import Sequence
from typing import Any

from celery import signals
from sqlalchemy import Connection, select, update

from app.runtime import engine
from config.settings import settings
from docrelay.database import transact
from docrelay.names import Channel, GenerationStatus, Queue
from docrelay.tables import Query
from docrelay.transitions import generations
from docrelay.transitions.generations import Generation
from tasks import cutting, rerank, serving
from tasks.engine import model_engine
from tasks.model_turns import Rank
from tasks.serving import LIMITS, NoWatch

log = logging.getLogger(__name__)

MOST_AT_ONCE = 32


def connect() -> None:
    """Answer in every worker that consumes the vectorize queue, from when it is ready."""
    signals.worker_ready.connect(_on_worker_ready)


def _on_worker_ready(sender: Any, **_: Any) -> None:
    if Queue.VECTORIZE in [queue.name for queue in sender.task_consumer.queues]:
        serving.start("answer", Channel.QUERY, _answer_some, prepare=_load, idle=_keep_live)
        rerank.start()


def _load() -> None:
    generation = transact(engine(), generations.active)
    cutting.warm(generation.model, settings().vectorize_concurrency)
    model_engine().of(generation).identify(generation, LIMITS, NoWatch())


def _keep_live() -> None:
    live = transact(engine(), _live)
    model_engine().keep(live)
    cutting.keep({generation.model for generation in live})


def _answer_some() -> int:
    """Give waiting queries their vectors; how many. Two workers may compute the same one: no harm is done."""
    rows = transact(engine(), _waiting)
    if not rows:
        return 0
    try:
        values = _vectors(transact(engine(), generations.active), [row.text for row in rows])
    except Exception as error:
        log.exception("a query could not be embedded")
        values = [{"error": f"{type(error).__name__}: {error}"}] * len(rows)

    def store(connection: Connection) -> None:
        for row, value in zip(rows, values, strict=True):
            connection.execute(update(Query).where(Query.id == row.id).values(**value))
            serving.tell(connection, row.id)

    transact(engine(), store)
    return len(rows)


def _waiting(connection: Connection) -> Sequence[Any]:
    unanswered = select(Query.id, Query.text).where(Query.model_id.is_(None), Query.error.is_(None))
    return connection.execute(unanswered.order_by(Query.created_at).limit(MOST_AT_ONCE)).all()


def _live(connection: Connection) -> Sequence[Generation]:
    return generations.generations(connection, GenerationStatus.ACTIVE, GenerationStatus.BUILDING)


def _vectors(generation: Generation, texts: list[str]) -> list[dict[str, Any]]:
    import numpy as np

    watch = NoWatch()
    model = model_engine().of(generation)
    model_id, facts = model.identify(generation, LIMITS, watch, rank=Rank.SEARCH)
    raw = model.embed(texts, LIMITS, watch, rank=Rank.SEARCH)
    matrix = np.frombuffer(raw, dtype="<f4").reshape(len(texts), facts.dimension)
    return [{"model_id": model_id, "vector": row} for row in matrix]
