"""What is broken: a whole service of separate processes, with two of each that may be needed twice."""

import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import psutil
import psycopg

from app.development.server import RabbitMQ
from app.stack.embedded import EmbeddedPostgres
from app.stack.whole import Stack
from chaos.load import Load
from chaos.proxy import Proxy

if TYPE_CHECKING:
    from chaos.disk import Disk
    from chaos.host import SecondHost

Found = TypeVar("Found")

TWIN = "-2"
"""What the name of a role's second process ends with."""

PATIENCE = 90.0
"""Seconds that the harness waits for a database that another fault has taken away."""


SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - looked at, never written


class NotInjected(Exception):  # noqa: N818
    """The fault did not happen as it was meant to; the run proves nothing and fails."""


@dataclass(frozen=True, slots=True)
class Kill:
    """A document's process that the harness ended: whose it was, and when."""

    worker: int
    at: float


@dataclass(frozen=True, slots=True)
class Timing:
    """How fast the service notices things, in seconds, and how long faults last that have a length."""

    lease: float = 5.0
    sweep: float = 1.0
    outage: float = 6.0
    margin: float = 15.0

    @property
    def bound(self) -> float:
        """How long an affected job may stand still once the fault is over."""
        return self.lease + self.sweep + self.margin


class Brokered(Protocol):
    """What faults of the broker need: also offered by the Celery chain that is the control."""

    @property
    def rabbitmq(self) -> RabbitMQ:
        """The broker."""

    @property
    def timing(self) -> Timing:
        """How long faults last."""

    @property
    def dice(self) -> random.Random:
        """Drawn from the seed."""

    def feed(self, count: int) -> None:
        """Submit so many documents more."""

    def fed_until(self, look: Callable[[], Found | None], seconds: float, otherwise: str) -> Found:
        """`until`, with documents submitted meanwhile."""


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
    work_disk: "Disk"
    """Holds the object store, the temporary files of all processes, and the embedded broker's folder."""
    database_disk: "Disk"
    broker_disk: "Disk"
    """Holds RabbitMQ's data."""
    objects: Path
    """The folder that is the object store."""
    marks: dict[str, str]
    """In the environment of every process of the service."""
    host: "SecondHost | None" = None
    kills: list["Kill"] = field(default_factory=list)
    shared_memory: frozenset[str] = frozenset()
    """What was there before the service was started."""

    @property
    def second_host(self) -> "SecondHost":
        """The second host of a run that has one."""
        if self.host is None:
            raise NotInjected("this run has no second host")
        return self.host

    @property
    def rabbitmq(self) -> RabbitMQ:
        """The broker of a run that has one."""
        if self.broker is None:
            raise NotInjected("this run has no RabbitMQ")
        return self.broker

    def admin(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A superuser's connection past the proxy."""
        return psycopg.connect(self.admin_url, autocommit=True, connect_timeout=5, application_name="chaos")

    def rows(self, query: str, *values: object, named: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """What a query finds; waits for a database that is away."""
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                with self.admin() as connection:
                    return connection.execute(query.encode(), named or values or None).fetchall()
            except psycopg.OperationalError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.1)

    def feed(self, count: int) -> None:
        """Submit so many documents more."""
        self.load.feed(count)

    def fed_until(self, look: Callable[[], Found | None], seconds: float, otherwise: str) -> Found:
        """`until`, with documents submitted meanwhile whenever the service has nothing to do."""
        with self.load.hungry():
            return until(look, seconds, otherwise)

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


def until(look: Callable[[], Found | None], seconds: float, otherwise: str, *, every: float = 0.02) -> Found:
    """Look until there is something to see, so many seconds apart.

    Raises:
        NotInjected: there was nothing in this time.
    """
    give_up = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > give_up:
            raise NotInjected(f"{otherwise} in {seconds:g} s")
        time.sleep(every)
    return found


def gone(process: psutil.Process) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
