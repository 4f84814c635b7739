"""What is wrong, and what to do about it: each check is one function, and none stops the next."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from kombu import Connection as BrokerConnection
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from app.brokers.address import broker_url
from app.brokers.topology import queue_state
from app.errors import BrokerUnavailable
from app.migrations import alembic_config
from app.runtime import database_url
from config.celery import CONNECT_SECONDS
from config.settings import Settings
from docrelay.database import make_engine
from docrelay.errors import DocrelayError
from docrelay.names import Queue
from docrelay.waiting import ALIVE_SECONDS


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, how it is, and what to do if that is not well."""

    check: str
    verdict: Verdict
    found: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """All checks; those of the database only as far as it can be reached."""
    return [_broker(settings), *_database(settings)]


def _database(settings: Settings) -> list[Finding]:
    remedy = "start it, or correct DOCRELAY_DATABASE_URL"
    try:
        engine = make_engine(settings.database_url or database_url(), pool_size=1, application="docrelay doctor")
    except DocrelayError as error:
        return [Finding("database", Verdict.FAILED, str(error), remedy)]
    findings: list[Finding] = []
    try:
        with engine.connect() as connection:
            findings += _schema(connection)
            if all(finding.verdict is Verdict.OK for finding in findings):
                findings += [*_processes(connection), *_work(connection)]
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        findings.append(Finding("database", Verdict.FAILED, reason, remedy))
    finally:
        engine.dispose()
    return findings


def _broker(settings: Settings) -> Finding:
    url = broker_url(settings)
    shown = BrokerConnection(url).as_uri()
    try:
        with BrokerConnection(url, connect_timeout=CONNECT_SECONDS) as connection:
            waiting = [f"{queue}: {queue_state(connection, queue).messages}" for queue in Queue]
    except BrokerUnavailable as error:
        remedy = "start it or correct DOCRELAY_BROKER_URL; if a queue is missing, run `python -m app migrate`"
        return Finding("broker", Verdict.FAILED, str(error), remedy)
    return Finding("broker", Verdict.OK, f"{shown} holds {', '.join(waiting)}")


def _schema(connection: Connection) -> Iterator[Finding]:
    current = MigrationContext.configure(connection).get_current_revision()
    newest = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if current != newest:
        found = f"the tables are at {current or 'nothing'}, this version needs {newest}"
        yield Finding("schema", Verdict.FAILED, found, "run `python -m app migrate`")
        return
    yield Finding("schema", Verdict.OK, f"revision {current}")
    version = connection.scalar(text("select extversion from pg_extension where extname = 'vector'"))
    yield Finding("pgvector", Verdict.OK, f"version {version}")


ALIVE = text(
    f"""
    select role, coalesce(queue, '') as queue, count(*) as processes, sum(slots) as slots from processes
    where beat_at > now() - interval '{ALIVE_SECONDS} seconds' group by 1, 2
    """  # noqa: S608 - a constant of ours
)


def _processes(connection: Connection) -> Iterator[Finding]:
    alive = {(row.role, row.queue): row for row in connection.execute(ALIVE)}
    dispatchers = alive.get(("dispatcher", ""))
    if dispatchers is None:
        yield Finding("dispatcher", Verdict.FAILED, "none runs", "start `python -m app dispatch`")
    else:
        yield Finding("dispatcher", Verdict.OK, f"{dispatchers.processes} alive")
    for queue in Queue:
        yield _consumers(queue, alive.get(("worker", queue.value)))


def _consumers(queue: Queue, row: object) -> Finding:
    check = f"workers of {queue}"
    if row is None:
        remedy = f"start `python -m celery -A app worker --queues {queue} --pool threads`"
        return Finding(check, Verdict.FAILED, "nobody consumes this queue: its jobs wait for ever", remedy)
    return Finding(check, Verdict.OK, f"{row.processes} alive, {row.slots} slots")  # type: ignore[attr-defined]


WORK = text(
    f"""
    select
      (select count(*) from jobs where status in ('queued', 'running')) as unfinished,
      (select extract(epoch from now() - min(greatest(ready_at, due_at))) from stage_runs
       where status = 'ready' and due_at <= now()) as oldest,
      (select count(*) from stage_runs where status = 'running'
       and lease_until < now() - interval '{ALIVE_SECONDS} seconds') as overdue,
      (select count(*) from jobs where status = 'quarantined') as quarantined,
      (select count(*) from dead_messages) as dead
    """  # noqa: S608 - a constant of ours
)
OLD_SECONDS = 600


def _work(connection: Connection) -> Iterator[Finding]:
    row = connection.execute(WORK).one()
    oldest = float(row.oldest or 0)
    found = f"{row.unfinished} unfinished, the oldest ready stage waits {oldest:.0f} s"
    late = oldest > OLD_SECONDS
    remedy = "add workers, or see why with `docrelay show JOB`" if late else ""
    yield Finding("work", Verdict.WARNING if late else Verdict.OK, found, remedy)
    counts: list[tuple[str, int, Verdict, str]] = [
        ("overdue leases", row.overdue, Verdict.FAILED, "no dispatcher sweeps; start one"),
        ("quarantine", row.quarantined, Verdict.WARNING, "see `docrelay jobs --status quarantined`, then `retry`"),
        ("dead letters", row.dead, Verdict.WARNING, "somebody publishes what is not ours; see table dead_messages"),
    ]
    for check, count, verdict, remedy in counts:
        yield Finding(check, verdict if count else Verdict.OK, str(count), remedy if count else "")
