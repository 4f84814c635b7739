"""What is broken: a whole service of separate processes, with two of each that may be needed twice."""

import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psutil
import psycopg

from app.development.rabbitmq import rabbitmq
from app.development.server import RabbitMQ
from app.development.service import service
from app.stack.embedded import NAME, SUPERUSER, EmbeddedPostgres
from app.stack.fleet import Role
from app.stack.home import Home
from app.stack.whole import Plan, Stack
from chaos.load import Load
from chaos.proxy import Proxy

Found = TypeVar("Found")

TWICE = ("dispatch", "parse", "vectorize")
"""Roles of which two run: a frozen worker is only dangerous where another can take its work."""


class NotInjected(Exception):  # noqa: N818
    """The fault did not happen as it was meant to; the run proves nothing and fails."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How fast the service notices things, in seconds, and how long faults last that have a length."""

    lease: float = 5.0
    sweep: float = 1.0
    outage: float = 6.0
    margin: float = 10.0

    @property
    def bound(self) -> float:
        """How long an affected job may stand still once the fault is over."""
        return self.lease + self.sweep + self.margin


@dataclass(frozen=True, slots=True)
class Target:
    """Everything a fault can reach."""

    stack: Stack
    postgres: EmbeddedPostgres
    admin_url: str
    proxy: Proxy
    broker: RabbitMQ | None
    timing: Timing
    load: Load
    dice: random.Random

    @property
    def rabbitmq(self) -> RabbitMQ:
        """The broker of a run that has one."""
        if self.broker is None:
            raise NotInjected("this run has no RabbitMQ")
        return self.broker

    def admin(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A superuser's connection past the proxy."""
        return psycopg.connect(self.admin_url, autocommit=True, connect_timeout=5, application_name="chaos")

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query finds."""
        with self.admin() as connection:
            return connection.execute(query.encode(), values or None).fetchall()

    def pid_of(self, kind: str, seconds: float = 45) -> tuple[str, int]:
        """A living process of a kind of role, drawn at random; waits for one that is being started again.

        Raises:
            NotInjected: there is none.
        """

        def living() -> tuple[str, int] | None:
            pids = self.stack.supervisor.pids()
            found = [(name, pid) for name, pid in pids.items() if pid and name.split("-")[0] == kind]
            return self.dice.choice(found) if found else None

        return until(living, seconds, f"no living {kind}")

    def at_work(self) -> list[tuple[uuid.UUID, int, str, int]]:
        """Stages that are worked on now: id, token, worker, and the worker's process."""
        found = self.rows("select id, lease_token, worker from stage_runs where status = 'running'")
        return [(row[0], row[1], row[2], int(row[2].rpartition(":")[2])) for row in found]


def until(look: Callable[[], Found | None], seconds: float, otherwise: str) -> Found:
    """Look until there is something to see.

    Raises:
        NotInjected: there was nothing in this time.
    """
    give_up = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > give_up:
            raise NotInjected(f"{otherwise} in {seconds:g} s")
        time.sleep(0.02)
    return found


def gone(process: psutil.Process) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def target(home: Path, *, broker: str, timing: Timing, load: Load, dice: random.Random) -> Iterator[Target]:
    """Start everything, ready to be broken; all of it is gone after the `with` block."""
    with ExitStack() as cleanup:
        server = cleanup.enter_context(rabbitmq()) if broker == "rabbitmq" else None
        database = Home(home / "database")
        database.make()
        postgres = cleanup.enter_context(EmbeddedPostgres(database))
        port = urlsplit(postgres.url).port or 0
        proxy = cleanup.enter_context(Proxy(port))
        settings = _settings(postgres.url.replace(f":{port}/", f":{proxy.port}/"), server, timing)
        stack = cleanup.enter_context(service(home / "service", planned=_doubled, **settings))
        admin_url = f"postgresql://{SUPERUSER}:{database.secret('postgres-superuser')}@127.0.0.1:{port}/{NAME}"
        yield Target(stack, postgres, admin_url, proxy, server, timing, load, dice)


def _settings(database_url: str, server: RabbitMQ | None, timing: Timing) -> dict[str, Any]:
    broker = {"broker_url": server.url, "broker_api_url": server.api_url} if server else {}
    return {
        **broker,
        "database_url": database_url,
        "lease_seconds": timing.lease,
        "sweep_seconds": timing.sweep,
        "announce_again_seconds": timing.lease,
        "parse_concurrency": 1,
        # Two workers must not choose differently, or the rows of two runs could not be compared.
        "embedding_arithmetic": "float32",
        "vectorize_threads": 1,
    }


def _doubled(plan: Plan) -> Plan:
    twins = [_twin(role) for role in plan.roles if role.name in TWICE]
    return replace(plan, roles=[*plan.roles, *twins])


def _twin(role: Role) -> Role:
    name = f"{role.name}-2"
    return replace(role, name=name, argv=tuple(word.replace(f"{role.name}@", f"{name}@") for word in role.argv))
