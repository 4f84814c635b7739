"""The whole service on this machine, started in order and stopped in reverse: what `up` and the demo run."""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from pydantic import SecretStr

from app.stack.console import Console
from app.stack.embedded import EmbeddedPostgres
from app.stack.fleet import FlowerAddress, Role, environment, fleet, flower_environment
from app.stack.home import Home
from app.stack.supervisor import GRACE_SECONDS, Supervisor
from config.settings import PREFIX, Settings

ROOT: Final = Path(__file__).resolve().parents[2]
LOOPBACK: Final = "127.0.0.1"
LOOPBACKS: Final = "127.0.0.0/8,::1"
USUAL_FLOWER_PORT: Final = 5555
FLOWER: Final = "flower"
"""The one role that does not say in the database that it is there."""


@dataclass(frozen=True)
class Plan:
    """What will run, decided before anything runs."""

    settings: Settings
    home: Home
    roles: list[Role]
    flower: FlowerAddress | None
    secrets: dict[str, str]

    @property
    def names(self) -> list[str]:
        """Every name that lines can come from."""
        return ["postgres", *(role.name for role in self.roles)]


def plan(given: Settings, *, with_flower: bool = True) -> Plan:
    """Fill in what the settings leave open: folders, ports, passwords. Makes the home folder.

    Raises:
        ConfigError: the home folder cannot be used.
    """
    home = Home(given.home)
    home.make()
    secret = given.webhook_secret.get_secret_value() or home.secret("webhook")
    password = given.flower_password.get_secret_value() or home.secret("flower")
    settings = given.model_copy(
        update={
            "home": home.path,
            "webhook_secret": SecretStr(secret),
            "flower_password": SecretStr(password),
            # Whoever submits here has this machine's own database; their receivers run beside it.
            "delivery_allow": given.delivery_allow or (LOOPBACKS if given.embedded else ""),
        }
    )
    flower = FlowerAddress(LOOPBACK, given.flower_port or _free_port(USUAL_FLOWER_PORT)) if with_flower else None
    return Plan(
        settings=settings,
        home=home,
        roles=fleet(settings, home=home.path, flower=flower, python=sys.executable),
        flower=flower,
        secrets={
            f"{PREFIX}WEBHOOK_SECRET": secret,
            **flower_environment(settings.flower_user, password),
        },
    )


@dataclass(frozen=True)
class Stack:
    """A service that runs."""

    plan: Plan
    database_url: str
    supervisor: Supervisor
    begun: float

    def wait_ready(self, seconds: float) -> list[str]:
        """Wait until every role has reported; return those that have not in this time."""
        deadline = time.monotonic() + seconds
        while (missing := self._missing()) and time.monotonic() < deadline:
            time.sleep(0.2)
        return missing

    def _missing(self) -> list[str]:
        pids = self.supervisor.pids()
        reported = self._reported()
        late = [name for name, pid in pids.items() if pid is None or (name != FLOWER and pid not in reported)]
        if self.plan.flower and FLOWER not in late and not _listens(self.plan.flower):
            late.append(FLOWER)
        return late

    def _reported(self) -> set[int]:
        statement = "SELECT pid FROM processes WHERE host = %s AND beat_at > to_timestamp(%s)"
        url = self.database_url.replace("+psycopg", "", 1)
        try:
            with psycopg.connect(url, connect_timeout=5) as connection:
                return {pid for (pid,) in connection.execute(statement, [socket.gethostname(), self.begun])}
        except psycopg.OperationalError:
            return set()


@contextlib.contextmanager
def running(plan: Plan, console: Console) -> Iterator[Stack]:
    """Start everything that was planned; stop it again at the end of the `with` block.

    Raises:
        ConfigError: another process uses the home folder.
        Unavailable: the database cannot be reached.
        BrokerUnavailable: the broker cannot be reached.
    """
    with contextlib.ExitStack() as cleanup:
        cleanup.enter_context(plan.home.lock())
        url = _database(plan, console, cleanup)
        settings = plan.settings.model_copy(update={"database_url": url})
        prepare(settings)
        plan.home.folder("flower")
        begun = time.time() - 5  # clocks of two hosts differ a little
        supervisor = Supervisor(
            plan.roles,
            console,
            environment=_environment(plan, settings),
            folder=ROOT,
            stop_seconds=settings.stop_seconds + GRACE_SECONDS,
        )
        cleanup.enter_context(supervisor)
        yield Stack(plan, url, supervisor, begun)


def prepare(settings: Settings) -> None:
    """Bring the database's tables and the broker's queues to what this version expects.

    Raises:
        Unavailable: the database cannot be reached.
        BrokerUnavailable: the broker cannot be reached.
    """
    from app.migrate import migrate  # needs kombu: half a second that `--help` does not want to wait for

    migrate(settings)


def _database(plan: Plan, console: Console, cleanup: contextlib.ExitStack) -> str:
    if not plan.settings.embedded:
        return plan.settings.database_url
    postgres = cleanup.enter_context(EmbeddedPostgres(plan.home, say=console.say))
    plan.home.publish_address(postgres.url)
    cleanup.callback(plan.home.withdraw_address)
    return postgres.url


def _environment(plan: Plan, settings: Settings) -> dict[str, str]:
    return {
        **environment(settings, inherited=os.environ),
        **plan.secrets,
        **settings.as_environment(),
    }


def _free_port(wished: int) -> int:
    for port in (wished, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
            return int(probe.getsockname()[1])
    return wished


def _listens(address: FlowerAddress) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address.host, address.port), timeout=1):
        return True
    return False
