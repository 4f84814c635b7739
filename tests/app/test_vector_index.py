"""Building the index of a model's vectors, in Postgres."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from app import migrations
from app.stack.embedded import EmbeddedPostgres
from app.stack.home import Home
from docrelay.names import GenerationStatus
from docrelay.search.vector_index import INDEX_FROM, index_name, outgrown
from tasks.vector_index import ONE_PROCESS, build, graph_mb, index_of

VECTORS = 8_000
DIMENSION = 384
OUTGROWN = "no longer fits into maintenance_work_mem"
LARGEST_FILE_MB = 100


@pytest.fixture
def alone(url: str) -> Iterator[psycopg.Connection]:
    """A connection that commits by itself, to a database with random vectors of model 1."""
    with psycopg.connect(url, autocommit=True) as connection:
        fill(connection)
        yield connection


def fill(connection: psycopg.Connection) -> None:
    connection.execute("insert into models (id, name, revision, arithmetic, dimension) values (1, 'm', '1', 'a', 384)")
    add(connection, 1, VECTORS)
    connection.execute("analyze embeddings")


def add(connection: psycopg.Connection, first: int, last: int) -> None:
    connection.execute(
        "insert into embeddings (model_id, text_hash, vector) select 1, sha256(n::text::bytea), "
        "array(select random() from generate_series(1, 384) where n > 0)::vector from generate_series(%s::int, %s) n",
        (first, last),
    )


def heard(connection: psycopg.Connection) -> list[str]:
    """What Postgres says from now on."""
    messages: list[str] = []
    connection.add_notice_handler(lambda message: messages.append(message.message_primary or ""))
    return messages


def valid(connection: psycopg.Connection) -> bool:
    found = connection.execute("select indisvalid from pg_index where indexrelid = to_regclass(%s)", (index_name(1),))
    return found.fetchone() == (True,)


def test_many_vectors_want_an_index_and_few_do_not(alone: psycopg.Connection, engine: Engine) -> None:
    """Those of the generation that is asked for; one that a crash left half built does not count."""

    def wanted(status: GenerationStatus = GenerationStatus.ACTIVE) -> tuple[int, int] | None:
        with engine.connect() as connection:
            return outgrown(connection, status)

    add(alone, VECTORS + 1, INDEX_FROM - 1)
    alone.execute("update generations set model_id = 1 where status = 'active'")
    assert wanted() is None
    add(alone, INDEX_FROM, INDEX_FROM)
    assert wanted() == (1, DIMENSION)
    assert wanted(GenerationStatus.BUILDING) is None
    alone.execute("set statement_timeout = '100ms'")
    with pytest.raises(psycopg.errors.QueryCanceled):
        alone.execute(index_of(1, DIMENSION).encode())
    assert not valid(alone)
    assert wanted() == (1, DIMENSION)
    build(alone, 1, DIMENSION, most_mb=graph_mb(INDEX_FROM, DIMENSION))
    assert valid(alone)
    assert wanted() is None


def test_building_takes_the_memory_that_it_needs(alone: psycopg.Connection) -> None:
    messages = heard(alone)
    needed = graph_mb(VECTORS, DIMENSION)
    build(alone, 1, DIMENSION, most_mb=needed * 10)
    assert valid(alone)
    assert alone.execute("show maintenance_work_mem").fetchone() == (f"{needed}MB",)
    assert not any(OUTGROWN in message for message in messages)


def test_it_takes_no_more_than_it_may(alone: psycopg.Connection, caplog: pytest.LogCaptureFixture) -> None:
    """And the estimate is no guess: with two thirds of it, the graph outgrows its memory."""
    messages = heard(alone)
    alone.execute(ONE_PROCESS)
    build(alone, 1, DIMENSION, most_mb=graph_mb(VECTORS, DIMENSION) * 2 // 3)
    assert valid(alone)
    assert any(OUTGROWN in message for message in messages)
    assert "DOCRELAY_INDEX_MEMORY_MB" in caplog.text


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Processes that are started within the block make no larger ones."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_one_process_builds_where_several_cannot_share_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In a Postgres whose shared memory is files, none of which may be as large as is wanted."""
    monkeypatch.setattr("tasks.vector_index.LEAST_MB", LARGEST_FILE_MB * 2)
    home = Home(tmp_path / "home")
    home.make()
    with largest_file(LARGEST_FILE_MB * 1024**2), EmbeddedPostgres(home) as server:
        migrations.upgrade(server.url)
        with psycopg.connect(server.url, autocommit=True) as alone:
            fill(alone)
            alone.execute("alter table embeddings set (parallel_workers = 2)")
            build(alone, 1, DIMENSION, most_mb=LARGEST_FILE_MB * 3)
            assert valid(alone)
    assert "built by one process" in caplog.text
