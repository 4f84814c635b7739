"""The whole service for the time of a measurement: its own folder, database and broker."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from app.development.rabbitmq import rabbitmq
from app.development.server import RabbitMQ
from app.development.service import service as service_in
from app.stack.whole import Stack
from benchmarks.cpu import Used, used
from config.settings import PREFIX
from docrelay import Client, Job

READY_SECONDS = 180.0
LOOK_SECONDS = 0.02
ELSEWHERE = tuple(f"{PREFIX}{name}" for name in ("DATABASE_URL", "BROKER_URL", "BROKER_API_URL", "STORAGE_URL", "HOME"))
"""Settings that would lead a measurement, which empties tables, to somebody's data."""

EMPTIED = "contents, documents, jobs, embeddings, queries"
"""With all that hangs on them. Models stay: workers know theirs by its id."""


class TooSlow(Exception):  # noqa: N818
    """A measurement did not end within its bound."""


@dataclass(frozen=True, slots=True)
class Service:
    """A running service and a client of it."""

    stack: Stack
    client: Client
    start_seconds: float
    start_cpu: float
    """What starting it has used, the loading of the model included."""

    def used(self) -> Used:
        """CPU seconds until now."""
        return used([pid for pid in self.stack.supervisor.pids().values() if pid is not None])

    def sql(self, statement: str, *values: object) -> list[tuple[float, ...]]:
        """Ask the service's database."""
        with psycopg.connect(self.client.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def forget(self) -> None:
        """Empty the tables, so that nothing is answered by what was computed before."""
        self.sql(f"truncate {EMPTIED} cascade")

    def wait_all(self, count: int, seconds: float) -> float:
        """Wait until so many jobs have their outcome, and those of documents inside of them; the moment, monotonic.

        Raises:
            TooSlow: not within `seconds`.
        """
        deadline = time.monotonic() + seconds
        statement = b"select count(finished_at), count(*) - count(finished_at) from jobs"
        with psycopg.connect(self.client.url, autocommit=True) as connection:
            while True:
                row = connection.execute(statement).fetchone()
                now = time.monotonic()
                if row and row[0] >= count and not row[1]:
                    return now
                if now > deadline:
                    raise TooSlow(f"{row and row[0]} of {count} jobs had their outcome after {seconds:g} s")
                time.sleep(LOOK_SECONDS)

    def warm_up(self, document: bytes) -> None:
        """Have every process started and the model loaded."""
        job = self.client.submit(document, name="warm-up.txt", collection="warm-up")
        self.client.wait(job.id, timeout=READY_SECONDS)
        self.client.search("warm", timeout=READY_SECONDS)
        self.forget()


@contextmanager
def broker(kind: str) -> Iterator[RabbitMQ | None]:
    """A private RabbitMQ, or None for the embedded broker."""
    if kind == "embedded":
        yield None
        return
    with rabbitmq() as server:
        yield server


@contextmanager
def service(server: RabbitMQ | None, **settings: Any) -> Iterator[Service]:
    """Start everything anew with these settings and wait until it is ready; nothing of it is left afterwards.

    Raises:
        ServerError: it did not come up.
    """
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(TemporaryDirectory(prefix="docrelay-bench-")))
        # Postgres runs as another user when we are root, and must get through to its folder.
        folder.chmod(0o711)
        cleanup.enter_context(_nobody_elses())
        started = time.monotonic()
        stack = cleanup.enter_context(service_in(folder, **_addresses(server), **settings))
        client = cleanup.enter_context(Client(stack.database_url))
        running_now = Service(stack, client, time.monotonic() - started, 0.0)
        yield Service(stack, client, running_now.start_seconds, running_now.used().total)


def outcomes(jobs: list[Job]) -> dict[str, int]:
    """How many jobs ended how."""
    counts: dict[str, int] = {}
    for job in jobs:
        counts[job.status.value] = counts.get(job.status.value, 0) + 1
    return counts


def _addresses(server: RabbitMQ | None) -> dict[str, Any]:
    return {} if server is None else {"broker_url": server.url, "broker_api_url": server.api_url}


@contextmanager
def _nobody_elses() -> Iterator[None]:
    """None of the variables of `ELSEWHERE`, for us and what we start."""
    before = {name: os.environ.pop(name) for name in ELSEWHERE if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(before)
