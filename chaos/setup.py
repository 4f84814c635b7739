"""Starting everything that is to be broken, and taking all of it away again."""

import random
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.development.rabbitmq import rabbitmq
from app.development.server import RabbitMQ
from app.development.service import service
from app.stack.embedded import NAME, SUPERUSER, EmbeddedPostgres, programs
from app.stack.fleet import Role
from app.stack.home import Home
from app.stack.whole import Plan
from chaos.disk import Disk
from chaos.host import SecondHost, second_host
from chaos.load import Load
from chaos.proxy import Proxy
from chaos.target import SHARED_MEMORY, TWIN, Target, Timing, until

TWICE = ("dispatch", "parse", "vectorize")
"""Roles of which two run: a frozen worker is only dangerous where another can take its work."""

MARK = "DOCRELAY_CHAOS_RUN"
READY_SECONDS = 120.0


@contextmanager
def target(
    home: Path, *, broker: str, timing: Timing, load: Load, dice: random.Random, without: tuple[str, ...] = ()
) -> Iterator[Target]:
    """Start everything, ready to be broken; all of it is gone after the `with` block.

    Raises:
        NotPossible: this machine cannot do what `without` did not leave out.
        ServerError: something does not come up.
    """
    shared_memory = frozenset(path.name for path in SHARED_MEMORY.glob("*"))
    with ExitStack() as cleanup:
        disks = [Disk(home / name, real="disk" not in without) for name in ("work", "data", "broker")]
        for disk in disks:
            cleanup.enter_context(disk)
        work, data, broker_disk = disks
        server = cleanup.enter_context(rabbitmq(broker_disk.folder)) if broker == "rabbitmq" else None
        database = Home(data.folder / "database")
        database.make()
        postgres = cleanup.enter_context(EmbeddedPostgres(database))
        cleanup.callback(_keep_logs, database, home)
        port = urlsplit(postgres.url).port or 0
        proxy = cleanup.enter_context(Proxy(port))
        url = postgres.url.replace(f":{port}/", f":{proxy.port}/")
        host = cleanup.enter_context(_second_host(home, url, server, proxy, without)) if server else None
        marks = {MARK: secrets.token_hex(8), "TMPDIR": str(_folder(work.folder / "temporary"))}
        objects = _folder(work.folder / "objects")
        settings = _settings(url, server, timing) | {"storage_url": objects.as_uri()}
        stays = _folder(home / "service")
        if server is None:
            # The embedded broker's folder is to be on the disk that becomes full.
            (stays / "broker").symlink_to(_folder(work.folder / "broker"), target_is_directory=True)

        def planned(plan: Plan) -> Plan:
            return _doubled(plan, host, marks)

        stack = cleanup.enter_context(service(stays, with_flower=True, planned=planned, **settings))
        admin_url = f"postgresql://{SUPERUSER}:{database.secret('postgres-superuser')}@127.0.0.1:{port}/{NAME}"
        whole = Target(
            stack,
            postgres,
            admin_url,
            proxy,
            server,
            timing,
            load,
            dice,
            work,
            data,
            broker_disk,
            objects,
            marks,
            host,
            shared_memory=shared_memory,
        )
        _wait_for_twins(whole)
        yield whole


@contextmanager
def _second_host(
    home: Path, url: str, server: RabbitMQ, proxy: Proxy, without: tuple[str, ...]
) -> Iterator[SecondHost]:
    with second_host(home, database_url=url, broker_url=server.url, database=proxy, without=without) as host:
        yield host


def keep_state(target: Target, folder: Path) -> None:
    """Write the whole database as SQL into the folder, for whoever has to find out what went wrong."""
    with (folder / "state.sql").open("wb") as file:
        command = [str(programs() / "pg_dump"), "--dbname", target.admin_url, "--exclude-table-data", "pieces"]
        subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, timeout=120, check=False)


def _keep_logs(database: Home, home: Path) -> None:
    """The disk that it is on goes away."""
    log = database.path / "logs" / "postgres.log"
    if log.exists():
        (home / "postgres.log").write_bytes(log.read_bytes())


def _folder(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    return path


def _settings(database_url: str, server: RabbitMQ | None, timing: Timing) -> dict[str, Any]:
    broker = {"broker_url": server.url, "broker_api_url": server.api_url} if server else {}
    return {
        **broker,
        "database_url": database_url,
        "lease_seconds": timing.lease,
        "sweep_seconds": timing.sweep,
        "announce_again_seconds": timing.lease,
        "delivery_allow": "127.0.0.1",  # where the run's own receiver listens
        "parse_concurrency": 1,
        # Two workers must not choose differently, or the rows of two runs could not be compared.
        "embedding_arithmetic": "float32",
        "ocr_concurrency": 1,
        "vectorize_threads": 1,
    }


def _doubled(plan: Plan, host: SecondHost | None, marks: dict[str, str]) -> Plan:
    twins = [_twin(role) for role in plan.roles if role.name in TWICE]
    if host is not None:
        twins = [host.moved_here(role) for role in twins]
    words = ("env", *(f"{name}={value}" for name, value in marks.items()))
    roles = [replace(role, argv=(*words, *role.argv)) for role in [*plan.roles, *twins]]
    return replace(plan, roles=roles)


def _twin(role: Role) -> Role:
    name = f"{role.name}{TWIN}"
    return replace(role, name=name, argv=tuple(word.replace(f"{role.name}@", f"{name}@") for word in role.argv))


def _wait_for_twins(target: Target) -> None:
    def all_reported() -> bool:
        pids = target.stack.supervisor.pids()
        reported = {row[0] for row in target.rows("select pid from processes")}
        return all(pids[f"{name}{TWIN}"] in reported for name in TWICE)

    until(all_reported, READY_SECONDS, "the second worker of each kind did not report", every=0.2)
