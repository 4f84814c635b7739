"""The HNSW index of a model's vectors: from when on there is one, its SQL, and building it at once, in memory.

Few vectors have none: comparing all of them is quick and finds exactly the nearest, while an index makes each vector
that is written many times as dear.
"""

import logging

import psycopg
from sqlalchemy import Connection, text

from docrelay.names import GenerationStatus
from docrelay.search.vector import INDEX_FROM

log = logging.getLogger(__name__)

CONNECTIONS = 16
"""`m` of pgvector's HNSW, as it is by default."""

NAME = "ix_embeddings_model_"

ELEMENT_BYTES = 256
NEIGHBOUR_BYTES = 16
FLOAT_BYTES = 4
LEAST_MB = 16

SETTINGS = (
    "set statement_timeout = 0",  # an index of a million vectors takes its time
    "set client_connection_check_interval = '5s'",  # should we be killed, the next one must not wait for that index
)
ONE_PROCESS = "set max_parallel_maintenance_workers = 0"
# The size is asked first, because it costs nothing.
WITHOUT = text(
    """
    select m.id, m.dimension from generations g join models m on m.id = g.model_id
    where g.status = :status
      and pg_table_size('embeddings') >= m.dimension * :least
      and not exists (select 1 from pg_index where indexrelid = to_regclass(:name || m.id::text) and indisvalid)
      and (select count(*) from (select 1 from embeddings where model_id = m.id limit :least) counted) >= :least
    """
)
INVALID = b"select 1 from pg_index where indexrelid = to_regclass(%s) and not indisvalid"
VECTORS = b"select count(*) from embeddings where model_id = %s"


def index_name(model_id: int) -> str:
    """The name of the index of a model's vectors."""
    return f"{NAME}{int(model_id)}"


def without(connection: Connection, status: GenerationStatus) -> tuple[int, int] | None:
    """The model of the generation and its dimension, if it has too many vectors to compare them all, and no index."""
    row = connection.execute(WITHOUT, {"status": status, "least": INDEX_FROM, "name": NAME}).one_or_none()
    return (row.id, row.dimension) if row else None


def index_of(model_id: int, dimension: int) -> str:
    """SQL that makes the index of a model's vectors, while documents go on being written."""
    # HNSW needs a dimension, which the column leaves open so that models can stand side by side.
    return (
        f"create index concurrently if not exists {index_name(model_id)} on embeddings "
        f"using hnsw ((vector::vector({int(dimension)})) vector_cosine_ops) where model_id = {int(model_id)}"
    )


def graph_mb(vectors: int, dimension: int) -> int:
    """The memory that building takes, in MB: each vector, what is kept of it, and 2 m neighbours (pgvector, hnsw.h).

    A graph that outgrows `maintenance_work_mem` is finished on disk, vector by vector: many times as slow.
    """
    each = dimension * FLOAT_BYTES + ELEMENT_BYTES + 2 * CONNECTIONS * NEIGHBOUR_BYTES
    return max(LEAST_MB, vectors * each // 1024**2 + 1)


def build(alone: psycopg.Connection, model_id: int, dimension: int, *, most_mb: int) -> None:
    """Build the index of vectors that are there, which is several times as fast as growing it with each of them.

    `alone` commits by itself; the index takes at most `most_mb` of Postgres' memory while it is built.
    Raises:
        psycopg.Error: it could not be built.
    """
    for setting in SETTINGS:
        alone.execute(setting.encode())
    row = alone.execute(VECTORS, (model_id,)).fetchone()
    wanted = graph_mb(row[0] if row else 0, dimension)
    if wanted > most_mb:
        log.warning(
            "the index takes %d MB to build, and may have %d: raise DOCRELAY_INDEX_MEMORY_MB if it takes too long",
            wanted,
            most_mb,
        )
    alone.execute(f"set maintenance_work_mem = '{min(wanted, most_mb)}MB'".encode())
    try:
        _build(alone, model_id, dimension)
    except (psycopg.errors.DiskFull, psycopg.errors.OutOfMemory) as error:
        # Processes that build together share that memory, of which a container has 64 MB; one has its own.
        log.warning("the index is built by one process, since several cannot share memory: %s", str(error).strip())
        alone.execute(ONE_PROCESS.encode())
        _build(alone, model_id, dimension)


def _build(alone: psycopg.Connection, model_id: int, dimension: int) -> None:
    if alone.execute(INVALID, (index_name(model_id),)).fetchone():  # left by one that failed or was killed
        drop(alone, model_id)
    alone.execute(index_of(model_id, dimension).encode())


def drop(alone: psycopg.Connection, model_id: int) -> None:
    """Remove the index, while others search."""
    alone.execute(f"drop index concurrently if exists {index_name(model_id)}".encode())
