"""Building the HNSW index of a model's vectors, at once and in memory, and removing it."""

import logging

import psycopg

from docrelay.search.vector_index import index_name

log = logging.getLogger(__name__)

CONNECTIONS = 16
"""`m` of pgvector's HNSW, as it is by default."""

ELEMENT_BYTES = 256
NEIGHBOUR_BYTES = 16
FLOAT_BYTES = 4
LEAST_MB = 16

SETTINGS = (
    "set statement_timeout = 0",  # an index of a million vectors takes its time
    "set client_connection_check_interval = '5s'",  # should we be killed, the next one must not wait for that index
)
ONE_PROCESS = "set max_parallel_maintenance_workers = 0"
INVALID = b"select 1 from pg_index where indexrelid = to_regclass(%s) and not indisvalid"
VECTORS = b"select count(*) from embeddings where model_id = %s"


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
