"""A database for each test: a copy of one that was migrated once."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine, make_url

from app import migrations
from config.settings import Settings
from docrelay import Client
from docrelay.database import make_engine, transact
from tasks import registry

OWNER = "docrelay_test"
"""Owns the copies and may nothing else, as a service's user should."""


class Databases:
    """Makes databases on one server, and drops them."""

    def __init__(self, superuser_url: str) -> None:
        self._superuser = superuser_url
        self.password = uuid.uuid4().hex
        self._run(sql.SQL("create role {} login createdb password {}").format(sql.Identifier(OWNER), self.password))
        # Nobody needs these rows after a crash, and a copy is made in half the time.
        self._run(sql.SQL("alter system set fsync = off"))
        self._run(sql.SQL("select pg_reload_conf()"))

    def _run(self, statement: sql.Composable) -> None:
        with psycopg.connect(self._superuser, autocommit=True) as connection:
            connection.execute(statement.as_bytes(connection))

    def url(self, name: str) -> str:
        url = make_url(self._superuser).set(username=OWNER, password=self.password, database=name)
        return url.render_as_string(hide_password=False)

    def create(self, template: str = "template0") -> str:
        """A new database's name."""
        name = f"test_{uuid.uuid4().hex}"
        names = {"name": sql.Identifier(name), "owner": sql.Identifier(OWNER), "template": sql.Identifier(template)}
        self._run(sql.SQL("create database {name} owner {owner} template {template}").format(**names))
        if template == "template0":
            # As the embedded stack does it: pgvector is no extension that everybody may create.
            with psycopg.connect(self._as_superuser(name), autocommit=True) as connection:
                connection.execute("create extension vector")
        return name

    def _as_superuser(self, name: str) -> str:
        return make_url(self._superuser).set(database=name).render_as_string(hide_password=False)

    def drop(self, name: str) -> None:
        self._run(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def databases(postgres: str) -> Databases:
    """The server's databases."""
    return Databases(postgres)


@pytest.fixture(scope="session")
def migrated(databases: Databases) -> str:
    """The name of a database with tables and pipelines; not to be used, only to be copied."""
    name = databases.create()
    migrations.upgrade(databases.url(name))
    engine = make_engine(databases.url(name))
    transact(engine, lambda connection: registry.register(connection, Settings()))
    engine.dispose()
    return name


@pytest.fixture
def empty_url(databases: Databases) -> Iterator[str]:
    """The URL of a database with nothing in it."""
    name = databases.create()
    yield databases.url(name)
    databases.drop(name)


@pytest.fixture
def url(databases: Databases, migrated: str) -> Iterator[str]:
    """The URL of a database of this test's own, migrated, without jobs."""
    name = databases.create(migrated)
    yield databases.url(name)
    databases.drop(name)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An engine on the test's database, with connections enough for its threads."""
    engine = make_engine(url, pool_size=10, application="docrelay test")
    yield engine
    engine.dispose()


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    """A client of the test's database that keeps bytes in it."""
    with Client(url) as client:
        yield client
