"""What `python -m app schedule` shows: entries with their state, coming times, and the history of runs."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import Connection, func, select, text

from app.locks import Lock
from app.schedule import ledger
from app.schedule.entries import Entry
from app.schedule.times import due_after
from app.schedule.zones import zone
from docrelay.tables import ScheduleEntry


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of the file, with what Postgres knows of it."""

    name: str
    work: str
    timing: str
    timezone: str
    next_at: datetime | None
    state: str
    last_due: datetime | None
    last_outcome: str | None
    last_reason: str | None


LAST = text(
    """
    select distinct on (r.entry) r.entry, r.due_at, r.reason, r.kind,
           coalesce(r.outcome, case when j.status = 'running' then 'running' else 'sent' end) as outcome
    from schedule_runs r left join jobs j on j.id = r.job_id order by r.entry, r.due_at desc
    """
)


def lines(connection: Connection, entries: Mapping[str, Entry]) -> list[Line]:
    """All entries of the file, by name."""
    now = connection.scalars(select(func.now())).one()
    rows = {row.name: row for row in connection.execute(select(ScheduleEntry.__table__))}
    last = {row.entry: row for row in connection.execute(LAST)}
    return [_line(name, entry, rows.get(name), last.get(name), now) for name, entry in sorted(entries.items())]


def _line(name: str, entry: Entry, row: Any, last: Any, now: datetime) -> Line:
    state = _state(name, entry, row)
    return Line(
        name=name,
        work=entry.task or f"pipeline {entry.pipeline}",
        timing=entry.timing,
        timezone=entry.timezone,
        next_at=next(due_after(entry, now), None) if entry.enabled else None,
        state=state,
        last_due=last.due_at if last else None,
        last_outcome=(last.outcome if last.kind == "schedule" else f"{last.kind}: {last.outcome}") if last else None,
        last_reason=last.reason if last else None,
    )


def _state(name: str, entry: Entry, row: Any) -> str:
    if not entry.enabled:
        return "disabled"
    if row is None or not row.present:
        return "no Beat has read it yet"
    return ledger.why_held(name, entry, row) or ledger.why_paused(row) or "fires"


STATE = text(
    """
    select leader, file, problem, problem_at,
           exists (select 1 from pg_locks where locktype = 'advisory' and classid = 0 and objid = :lock
                   and objsubid = 1 and granted
                   and database = (select oid from pg_database where datname = current_database())) as led
    from schedule_state
    """
)


def leadership(connection: Connection) -> Any:
    """The row of the Beat that led last, with `led`, whether one leads now; None: none has ever led."""
    return connection.execute(STATE, {"lock": Lock.BEAT}).one_or_none()


@dataclass(frozen=True, slots=True)
class Coming:
    """A due time to come, in both zones."""

    name: str
    due: datetime
    local: datetime
    timezone: str


def coming(entries: Mapping[str, Entry], now: datetime, count: int) -> list[Coming]:
    """The next due times of all enabled entries together."""
    streams = [_named(name, entry, now) for name, entry in entries.items() if entry.enabled]
    return [
        Coming(name, due, due.astimezone(zone(entries[name].timezone)), entries[name].timezone)
        for due, name in islice(merge(*streams), count)
    ]


def _named(name: str, entry: Entry, now: datetime) -> Iterator[tuple[datetime, str]]:
    # A function, since a generator in a loop would see the loop's last entry.
    return ((due, name) for due in due_after(entry, now))


@dataclass(frozen=True, slots=True)
class Past:
    """A run, or a due time without one. `made` counts the jobs that it made, by their status."""

    id: uuid.UUID
    entry: str
    kind: str
    due_at: datetime
    times: int
    caught_up: bool
    outcome: str
    reason: str | None
    who: str | None
    job_id: uuid.UUID | None
    sent_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    made: dict[str, int]
    detail: dict[str, Any]


HISTORY = text(
    """
    with chosen as (
        select r.*, j.status as job_status, j.started_at as job_started, j.finished_at as job_finished
        from schedule_runs r left join jobs j on j.id = r.job_id
        where (cast(:name as text) is null or r.entry = :name)
          and (cast(:outcome as text) is null or r.outcome = :outcome
               or r.outcome is null and :outcome in (j.status, 'sent'))
        order by r.due_at desc limit :limit
    )
    select c.*, coalesce((
        select jsonb_object_agg(status, number) from (
            select j.status, count(*) as number from schedule_made m join jobs j on j.id = m.job_id
            where m.run_id = c.id group by j.status) counted), '{}'::jsonb) as made
    from chosen c order by due_at desc
    """
)


def history(connection: Connection, name: str | None, *, outcome: str | None = None, limit: int = 20) -> list[Past]:
    """What became of due times and of runs by hand, newest first."""
    values = {"name": name, "outcome": outcome, "limit": limit}
    return [_past(row) for row in connection.execute(HISTORY, values)]


def _past(row: Any) -> Past:
    started, finished = row.started_at or row.job_started, row.finished_at or row.job_finished
    under_way = "running" if row.job_status == "running" else "sent"
    return Past(
        id=row.id,
        entry=row.entry,
        kind=row.kind,
        due_at=row.due_at,
        times=row.times,
        caught_up=row.caught_up,
        outcome=row.outcome or under_way,
        reason=row.reason,
        who=row.who,
        job_id=row.job_id,
        sent_at=row.sent_at,
        started_at=started,
        finished_at=finished,
        seconds=(finished - started).total_seconds() if started and finished else None,
        made=row.made,
        detail=row.detail,
    )
