"""A new order for the best hits: a cross-encoder of the service reads each together with the query."""

import uuid
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, Engine, select

from docrelay import tables as t
from docrelay.database import storable
from docrelay.errors import SearchUnavailable
from docrelay.names import Channel
from docrelay.search.asking import ask
from docrelay.views import Hit


def reranked(engine: Engine, url: str, query: str, hits: Sequence[Hit], *, timeout: float) -> list[Hit]:
    """The hits by their scores as (query, passage) pairs, best first; equal ones keep their order.

    Raises:
        SearchUnavailable: nobody answered in time, no model is set, or the model failed.
    """
    if not hits:
        return []
    values = {"query": storable(query), "passages": [hit.text for hit in hits]}
    scores = ask(engine, url, t.Reranking, Channel.RERANK, values, _answer, timeout=timeout)
    if scores is None:
        raise SearchUnavailable(
            f"the hits were not re-ranked in time ({timeout:.1f} s were left of `timeout`): is a worker for the queue "
            "docrelay.vectorize running, with DOCRELAY_RERANK_MODEL set? Fewer `candidates` need less time."
        )
    scored = [replace(hit, score=score) for hit, score in zip(hits, scores, strict=True)]
    return sorted(scored, key=lambda hit: -hit.score)


def _answer(connection: Connection, request: uuid.UUID) -> Sequence[float] | None:
    columns = select(t.Reranking.scores, t.Reranking.error).where(t.Reranking.id == request)
    row = connection.execute(columns).one_or_none()
    if row is not None and row.error is not None:
        raise SearchUnavailable(f"the hits could not be re-ranked: {row.error}")
    scores: Sequence[float] | None = row and row.scores
    return scores
