"""By meaning: the query's vector comes from the service, the nearest chunks from Postgres."""

import uuid
from collections.abc import Sequence
from typing import Any

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import Connection, Engine, Float, cast, literal_column, select, text

from docrelay import tables as t
from docrelay.database import storable
from docrelay.errors import SearchUnavailable
from docrelay.names import Channel
from docrelay.search.asking import ask
from docrelay.search.filters import Filters

EXACT_UP_TO = 5000
"""With a filter that leaves no more chunks than this, all of them are compared, in about 15 ms. An approximate index
gives up after so many neighbours of which none passes, and would find too little."""


def vector_of(engine: Engine, url: str, query: str, *, timeout: float) -> tuple[int, Any]:
    """The query's vector and its model's id, asked of a process that holds the model.

    Raises:
        SearchUnavailable: nobody answered in time, or the model failed.
    """
    answer = ask(engine, url, t.Query, Channel.QUERY, {"text": storable(query)}, _answer, timeout=timeout)
    if answer is None:
        raise SearchUnavailable(
            f"no vector for the query within {timeout:g} s: is a worker for the queue docrelay.vectorize running? "
            "A search with mode='text' needs none."
        )
    return answer


def _answer(connection: Connection, query_id: uuid.UUID) -> tuple[int, Any] | None:
    columns = select(t.Query.model_id, t.Query.vector, t.Query.error).where(t.Query.id == query_id)
    row = connection.execute(columns).one_or_none()
    if row is None or (row.model_id is None and row.error is None):
        return None
    if row.error is not None:
        raise SearchUnavailable(f"the query's vector could not be computed: {row.error}")
    return row.model_id, row.vector


def nearest(
    connection: Connection, generation: int, model_id: int, vector: Sequence[float], filters: Filters, *, limit: int
) -> list[tuple[uuid.UUID, float]]:
    """The ids of the generation's chunks nearest to a vector with their cosine similarity, best first."""
    # The index of a model is partial and on an expression: both must stand in the statement as constants.
    dimension = len(vector)
    wanted = cast(list(vector), VECTOR(dimension))
    distance: Any = literal_column(f"(embeddings.vector::vector({dimension}))").op("<=>", return_type=Float())(wanted)
    found = (
        select(t.Chunk.id, distance.label("distance"))
        .select_from(t.Embedding)
        .join(t.Chunk, t.Chunk.text_hash == t.Embedding.text_hash)
        .join(t.Document, t.Document.id == t.Chunk.document_id)
        .where(t.Embedding.model_id == literal_column(str(int(model_id))), t.Chunk.generation == generation)
        .where(*filters.conditions())
    )
    if _few(connection, filters):
        every = found.cte("matching").prefix_with("materialized")
        statement: Any = select(every.c.id, every.c.distance).order_by(every.c.distance)
    else:
        connection.execute(text("set local hnsw.iterative_scan = 'strict_order'"))
        connection.execute(text(f"set local hnsw.ef_search = {min(1000, max(200, limit))}"))
        statement = found.order_by(distance)
    return [(row.id, 1 - row.distance) for row in connection.execute(statement.limit(limit))]


def _few(connection: Connection, filters: Filters) -> bool:
    """Whether a filter leaves so little that comparing all is the best."""
    conditions = filters.conditions()
    if not conditions:
        return False
    some = select(t.Chunk.id).join(t.Document, t.Document.id == t.Chunk.document_id).where(*conditions)
    return len(connection.execute(some.limit(EXACT_UP_TO + 1)).all()) <= EXACT_UP_TO
