"""Real servers for the tests: one RabbitMQ and one Postgres per run, made when first asked for."""

import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from app.development import rabbitmq as rabbitmq_servers
from app.development import tesseract as tesseract_files
from app.development.server import RabbitMQ
from app.stack.embedded import SUPERUSER, EmbeddedPostgres
from app.stack.home import Home


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """A private RabbitMQ. Whoever freezes, kills or fills it puts it right again."""
    with rabbitmq_servers.rabbitmq() as server:
        yield server


@pytest.fixture(scope="session")
def tesseract() -> None:
    """Tesseract's language files are there, English among them."""
    tesseract_files.ensure()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a superuser of a private PostgreSQL with pgvector."""
    home = Home(tmp_path_factory.mktemp("postgres"))
    home.make()
    with EmbeddedPostgres(home) as server:
        port = urlsplit(server.url).port
        yield f"postgresql://{SUPERUSER}:{home.secret('postgres-superuser')}@127.0.0.1:{port}/{SUPERUSER}"


@pytest.fixture(scope="module")
def database_url(postgres: str) -> Iterator[str]:
    """The URL of a fresh, empty database."""
    name = f"test_{uuid.uuid4().hex}"
    _run(postgres, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield f"{postgres.rpartition('/')[0]}/{name}"
    _run(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _run(url: str, statement: sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
