"""Search: the query's vector comes from the service, the nearest chunks from Postgres."""

import time
import uuid
from typing import Any

from sqlalchemy import Connection, Engine, delete, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from docrelay import tables as t
from docrelay.changes import Listener
from docrelay.database import storable, transact
from docrelay.errors import SearchUnavailable
from docrelay.ids import new_id
from docrelay.names import Channel
from docrelay.reading import document
from docrelay.views import Hit

NEAREST = """
    select 1 - (e.vector::vector({dimension}) <=> cast(:vector as vector({dimension}))) as score,
           c.page_first, c.page_last, c.span_start, c.span_end, c.heading, c.text,
           d.id as document_id, d.name, d.collection, d.size, d.sha256, d.media_type, d.page_count,
           d.metadata, d.facts, d.notes, d.problems
    from embeddings e
    join chunks c on c.text_hash = e.text_hash
    join documents d on d.id = c.document_id
    where e.model_id = {model_id} and (cast(:collection as text) is null or d.collection = :collection)
    order by e.vector::vector({dimension}) <=> cast(:vector as vector({dimension}))
    limit :limit
"""


def vector_of(engine: Engine, url: str, query: str, *, timeout: float) -> tuple[int, Any]:
    """The query's vector and its model's id, asked of a process that holds the model.

    Raises:
        SearchUnavailable: nobody answered in time, or the model failed.
    """
    query_id = new_id()
    give_up = time.monotonic() + timeout
    with Listener(url, Channel.ANSWER) as listener:
        transact(engine, lambda connection: _ask(connection, query_id, query))
        try:
            while (left := give_up - time.monotonic()) > 0:
                listener.wait(min(left, 1.0))
                answer = transact(engine, lambda connection: _answer(connection, query_id))
                if answer is not None:
                    return answer
        finally:
            transact(engine, lambda connection: connection.execute(delete(t.Query).where(t.Query.id == query_id)))
    raise SearchUnavailable(
        f"no vector for the query within {timeout:g} s: is a worker for the queue docrelay.vectorize running?"
    )


def _ask(connection: Connection, query_id: uuid.UUID, query: str) -> None:
    row = upsert(t.Query).values(id=query_id, text=storable(query))
    connection.execute(row.on_conflict_do_nothing())
    connection.execute(text("select pg_notify(:channel, :id)"), {"channel": Channel.QUERY, "id": str(query_id)})


def _answer(connection: Connection, query_id: uuid.UUID) -> tuple[int, Any] | None:
    columns = select(t.Query.model_id, t.Query.vector, t.Query.error).where(t.Query.id == query_id)
    row = connection.execute(columns).one_or_none()
    if row is None or (row.model_id is None and row.error is None):
        return None
    if row.error is not None:
        raise SearchUnavailable(f"the query's vector could not be computed: {row.error}")
    return row.model_id, row.vector


def nearest(connection: Connection, model_id: int, vector: Any, *, collection: str | None, limit: int) -> list[Hit]:
    """The chunks nearest to a vector by cosine, best first."""
    # The index of a model is partial and on an expression: both must stand in the statement as constants.
    statement = NEAREST.format(dimension=len(vector), model_id=int(model_id))
    # With a filter, an approximate index must go on until it has found enough.
    connection.execute(text("set local hnsw.iterative_scan = 'strict_order'"))
    connection.execute(text("set local hnsw.ef_search = 100"))
    spelled = "[" + ",".join(repr(float(value)) for value in vector) + "]"
    values = {"vector": spelled, "collection": collection, "limit": limit}
    rows = connection.execute(text(statement), values).mappings()
    return [
        Hit(
            score=row["score"],
            document=document(row),
            page=row["page_first"],
            page_last=row["page_last"],
            span=(row["span_start"], row["span_end"]),
            heading=row["heading"],
            text=row["text"],
        )
        for row in rows
    ]
