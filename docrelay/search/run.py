"""One search from its query to its hits."""

import time
import uuid

from sqlalchemy import Connection, Engine, select, text

from docrelay import tables as t
from docrelay.database import transact
from docrelay.errors import ConfigError, SearchUnavailable
from docrelay.names import SearchMode
from docrelay.reading import DOCUMENT_COLUMNS, document
from docrelay.search.filters import Filters
from docrelay.search.fusion import fuse
from docrelay.search.highlight import highlights
from docrelay.search.rerank import reranked
from docrelay.search.vector import nearest, vector_of
from docrelay.search.words import matching
from docrelay.transitions.generations import active
from docrelay.views import Hit

FUSED = 100
"""At least so many of each ranking are fused: a passage that both find late can beat one that only one finds early."""


def search(
    engine: Engine,
    url: str,
    query: str,
    filters: Filters,
    *,
    mode: SearchMode | str,
    limit: int,
    timeout: float,
    rerank: bool = False,
    candidates: int = 0,
) -> list[Hit]:
    """The best hits, best first; with `rerank` in the order of the cross-encoder, which reads so many `candidates`.

    `timeout` bounds, in seconds, the wait for the query's vector and for the new order, together.

    Raises:
        SearchUnavailable: no process that holds the model answered in time, or there is none to re-rank with.
        ConfigError: there is no such mode.
    """
    give_up = time.monotonic() + timeout
    wanted = max(limit, candidates) if rerank else limit
    hits = _found(engine, url, query, filters, _mode(mode), limit=wanted, timeout=timeout)
    if not rerank:
        return hits
    return reranked(engine, url, query, hits, timeout=max(0.0, give_up - time.monotonic()))[:limit]


def _found(
    engine: Engine, url: str, query: str, filters: Filters, how: SearchMode, *, limit: int, timeout: float
) -> list[Hit]:
    """The best hits by vectors and words."""
    depth = max(FUSED, 2 * limit) if how is SearchMode.HYBRID else limit
    give_up = time.monotonic() + timeout

    def work(connection: Connection) -> list[Hit]:
        # One moment for all statements: documents that are replaced meanwhile, or a switch, are seen whole or not.
        connection.execute(text("set transaction isolation level repeatable read, read only"))
        generation = active(connection)
        if found and found[0] != generation.model_id:
            raise _Switched
        similar = dict(nearest(connection, generation.id, *found, filters, limit=depth)) if found else {}
        relevant = {}
        if how is not SearchMode.VECTOR:
            relevant = dict(matching(connection, generation.id, query, filters, limit=depth))
        if how is SearchMode.HYBRID:
            ranked = fuse(list(similar), list(relevant))
        else:
            ranked = list((similar or relevant).items())
        return _hits(connection, generation.id, query, ranked[:limit], similar, relevant)

    left = timeout
    while True:
        found = vector_of(engine, url, query, timeout=left) if how is not SearchMode.TEXT else None
        try:
            return transact(engine, work)
        except _Switched:
            left = give_up - time.monotonic()
            if left <= 0:
                raise SearchUnavailable("the query's vector is of another model than the index") from None


class _Switched(Exception):  # noqa: N818
    """Between the query's vector and the search another generation became the active one."""


def _mode(mode: SearchMode | str) -> SearchMode:
    try:
        return SearchMode(mode)
    except ValueError:
        raise ConfigError(f"mode is {mode!r}; expected one of {', '.join(SearchMode)}") from None


def _hits(
    connection: Connection,
    generation: int,
    query: str,
    ranked: list[tuple[uuid.UUID, float]],
    similar: dict[uuid.UUID, float],
    relevant: dict[uuid.UUID, float],
) -> list[Hit]:
    chunk = t.Chunk
    statement = (
        select(
            chunk.id.label("chunk_id"),
            chunk.page_first,
            chunk.page_last,
            chunk.span_start,
            chunk.span_end,
            chunk.heading,
            chunk.text,
            *DOCUMENT_COLUMNS,
        )
        .join(t.Document, t.Document.id == chunk.document_id)
        .where(chunk.generation == generation, chunk.id.in_([chunk_id for chunk_id, _ in ranked]))
    )
    rows = {row["chunk_id"]: row for row in connection.execute(statement).mappings()}
    marks = highlights(connection, query, [rows[chunk_id]["text"] for chunk_id, _ in ranked])
    return [
        Hit(
            score=score,
            document=document(rows[chunk_id]),
            page=rows[chunk_id]["page_first"],
            page_last=rows[chunk_id]["page_last"],
            span=(rows[chunk_id]["span_start"], rows[chunk_id]["span_end"]),
            heading=rows[chunk_id]["heading"],
            text=rows[chunk_id]["text"],
            similarity=similar.get(chunk_id),
            relevance=relevant.get(chunk_id),
            highlights=spans,
        )
        for (chunk_id, score), spans in zip(ranked, marks, strict=True)
    ]
