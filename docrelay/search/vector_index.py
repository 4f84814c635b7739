"""Whether the vectors of a model have their HNSW index, and should have one; `tasks.vector_index` builds it.

Few vectors have none: comparing all of them is quick and finds exactly the nearest, while an index makes each vector
that is written many times as dear.
"""

from typing import NamedTuple

from sqlalchemy import Connection, text

from docrelay.names import GenerationStatus

INDEX_FROM = 10_000
"""A model with fewer vectors has no index: all are compared, in at most 11 ms on one core where the index takes 3, and
each vector that is written costs 0.9 ms less."""

MOST_DIMENSIONS = 2000
"""What pgvector indexes of the type `vector`."""

# The size is asked first, because it costs nothing.
MANY = text(
    """
    select pg_table_size('embeddings') >= (select dimension from models where id = :model_id) * :least
       and (select count(*) from (select 1 from embeddings where model_id = :model_id limit :least) counted) >= :least
    """
)
INDEXED = text("select exists (select 1 from pg_index where indexrelid = to_regclass(:name) and indisvalid)")
OF_STATUS = text(
    "select m.id, m.dimension from generations g join models m on m.id = g.model_id where g.status = :status"
)


class Outgrown(NamedTuple):
    """A model whose vectors are too many to compare them all at each search."""

    model_id: int
    dimension: int


def index_name(model_id: int) -> str:
    """The name of the index of a model's vectors."""
    return f"ix_embeddings_model_{int(model_id)}"


def has_index(connection: Connection, model_id: int) -> bool:
    """Whether searches can use it: one that is being built, or that a crash left half built, is none."""
    return bool(connection.scalar(INDEXED, {"name": index_name(model_id)}))


def has_many(connection: Connection, model_id: int) -> bool:
    """Whether a model's vectors are too many to compare them all at each search."""
    return bool(connection.scalar(MANY, {"model_id": model_id, "least": INDEX_FROM}))


def outgrown(connection: Connection, status: GenerationStatus) -> Outgrown | None:
    """The model of the generation in this state, if it has many vectors and no index."""
    row = connection.execute(OF_STATUS, {"status": status}).one_or_none()
    if row is None or not has_many(connection, row.id) or has_index(connection, row.id):
        return None
    return Outgrown(row.id, row.dimension)
