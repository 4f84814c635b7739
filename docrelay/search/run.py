"""One search from its query to its hits."""

import uuid

from sqlalchemy import Connection, Engine, select

from docrelay import tables as t
from docrelay.database import transact
from docrelay.errors import ConfigError
from docrelay.names import SearchMode
from docrelay.reading import DOCUMENT_COLUMNS, document
from docrelay.search.filters import Filters
from docrelay.search.fusion import fuse
from docrelay.search.highlight import highlights
from docrelay.search.vector import nearest, vector_of
from docrelay.search.words import matching
from docrelay.views import Hit

FUSED = 100
"""At least so many of each ranking are fused: a passage that both find late can beat one that only one finds early."""


def search(
    engine: Engine, url: str, query: str, filters: Filters, *, mode: SearchMode | str, limit: int, timeout: float
) -> list[Hit]:
    """The best hits, best first; `timeout` bounds, in seconds, the wait for the query's vector.

    Raises:
        SearchUnavailable: no process that holds the model answered in time.
        ConfigError: there is no such mode.
    """
    how = _mode(mode)
    found = vector_of(engine, url, query, timeout=timeout) if how is not SearchMode.TEXT else None
    depth = max(FUSED, 2 * limit) if how is SearchMode.HYBRID else limit

    def work(connection: Connection) -> list[Hit]:
        similar = dict(nearest(connection, *found, filters, limit=depth)) if found else {}
        relevant = dict(matching(connection, query, filters, limit=depth)) if how is not SearchMode.VECTOR else {}
        if how is SearchMode.HYBRID:
            ranked = fuse(list(similar), list(relevant))
        else:
            ranked = list((similar or relevant).items())
        return _hits(connection, query, ranked[:limit], similar, relevant)

    return transact(engine, work)


def _mode(mode: SearchMode | str) -> SearchMode:
    try:
        return SearchMode(mode)
    except ValueError:
        raise ConfigError(f"mode is {mode!r}; expected one of {', '.join(SearchMode)}") from None


def _hits(
    connection: Connection,
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
        .where(chunk.id.in_([chunk_id for chunk_id, _ in ranked]))
    )
    rows = {row["chunk_id"]: row for row in connection.execute(statement).mappings()}
    ranked = [pair for pair in ranked if pair[0] in rows]  # a document may have been deleted since
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
