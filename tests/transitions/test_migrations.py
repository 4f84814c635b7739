"""The migrations make the tables that the code knows, from any state, however often they are run."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, text

from app import migrations
from docrelay.database import psycopg_url
from docrelay.tables import Base
from tests.transitions.service import at_once

CONSTRAINTS = """
    select conrelid::regclass::text as table, conname as name, pg_get_constraintdef(oid) as definition
    from pg_constraint where connamespace = 'public'::regnamespace and conrelid <> 'alembic_version'::regclass
    order by 1, 2
"""
INDEXES = "select indexname, indexdef from pg_indexes where schemaname = 'public' and tablename <> 'alembic_version'"
COLUMNS = """
    select table_name, column_name, data_type, is_nullable, column_default
    from information_schema.columns where table_schema = 'public' and table_name <> 'alembic_version'
    order by 1, 2
"""
KINDS = "select relname, relkind, relpersistence from pg_class where relnamespace = 'public'::regnamespace order by 1"


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A connection to a migrated database."""
    with engine.connect() as connection:
        yield connection


def test_alembic_finds_nothing_to_change(connection: Connection) -> None:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    assert compare_metadata(context, Base.metadata) == []


def test_a_migrated_database_is_the_one_that_the_tables_make(connection: Connection, empty_url: str) -> None:
    """Down to what Alembic does not compare: checks, defaults, partial and ordered indexes, unlogged tables."""
    made = create_engine(psycopg_url(empty_url))
    with made.begin() as other:
        Base.metadata.create_all(other)
        other.execute(text("create table alembic_version (v int)"))
        for query in (CONSTRAINTS, INDEXES, COLUMNS):
            assert _rows(connection, query) == _rows(other, query)
        ours = {row["relname"]: row for row in _rows(other, KINDS)}
        theirs = {row["relname"]: row for row in _rows(connection, KINDS)}
        assert {name: theirs[name] for name in ours} == ours
    made.dispose()


def test_every_constraint_has_a_name_of_ours(connection: Connection) -> None:
    names = [row["name"] for row in _rows(connection, CONSTRAINTS) if not row["definition"].startswith("NOT NULL")]
    assert [name for name in names if name.split("_")[0] not in ("pk", "fk", "uq", "ck")] == []


def test_upgrading_twice_and_by_several_at_once(empty_url: str) -> None:
    assert at_once(*[lambda: migrations.upgrade(empty_url)] * 4) == [None] * 4
    migrations.upgrade(empty_url)
    engine = create_engine(psycopg_url(empty_url))
    with engine.connect() as connection:
        assert len(_rows(connection, "select * from alembic_version")) == 1
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_down_to_nothing_and_up_again(url: str) -> None:
    engine = create_engine(psycopg_url(url))
    config = migrations.alembic_config()
    with engine.connect() as connection:
        before = _rows(connection, COLUMNS)
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        connection.commit()
        assert [row["relname"] for row in _rows(connection, KINDS) if row["relkind"] == "r"] == ["alembic_version"]
        connection.commit()
        migrations.upgrade(url)
        assert _rows(connection, COLUMNS) == before
    engine.dispose()


def _rows(connection: Connection, query: str) -> list[dict[str, Any]]:
    return sorted((dict(row) for row in connection.execute(text(query)).mappings()), key=str)
