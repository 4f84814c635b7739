"""The rows of the schedule: what is known of the entries, and what became of each due time."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.schedule.deciding import Decision
from app.schedule.entries import Entry
from docrelay.ids import new_id
from docrelay.names import RunKind
from docrelay.tables import ScheduleEntry, ScheduleMade, ScheduleRun, ScheduleState

TIMING = ("cron", "every", "timezone", "enabled")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an entry beside the file."""

    handled_until: datetime
    held: str | None
    paused: str | None
    running: bool


def remember(connection: Connection, entries: dict[str, Entry]) -> None:
    """Take over the entries of the file; those that are not in it any more are kept with their history.

    Due times of a new timing count from now on: nobody wants a run for a time that was not in the file when it came.
    """
    rows = connection.execute(select(ScheduleEntry.name, ScheduleEntry.entry, ScheduleEntry.present).with_for_update())
    before = {row.name: (row.entry, row.present) for row in rows}
    for name, entry in entries.items():
        row = entry.as_row()
        values: dict[str, Any] = {"entry": row, "form": entry.form, "present": True}
        was, present = before.get(name, ({}, False))
        if not present or any(was.get(key) != row.get(key) for key in TIMING):
            values["handled_until"] = func.now()
        statement = upsert(ScheduleEntry).values(name=name, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
    gone = update(ScheduleEntry).where(ScheduleEntry.present, ScheduleEntry.name.not_in(list(entries)))
    connection.execute(gone.values(present=False, next_at=None))


def remembered(connection: Connection) -> dict[str, Entry]:
    """The entries as they were last read without mistakes."""
    rows = connection.execute(select(ScheduleEntry.name, ScheduleEntry.entry).where(ScheduleEntry.present))
    return {row.name: Entry.model_validate(row.entry) for row in rows}


HANDLED = text("select name, handled_until from schedule_entries where present")


def handled_until(connection: Connection) -> dict[str, datetime]:
    """Up to when each entry's due times have their rows."""
    return {row.name: row.handled_until for row in connection.execute(HANDLED)}


KNOWN = text(
    """
    select handled_until, paused_at, paused_by, paused_because, rehearsed_form, rehearsal_ok,
           exists (select 1 from schedule_runs r
                   where r.entry = e.name and r.outcome is null and r.kind <> 'rehearsal') as running
    from schedule_entries e where name = :name for update
    """
)


def known(connection: Connection, name: str, entry: Entry) -> Known | None:
    """What is known of an entry, locked until commit; None: it has no row."""
    row = connection.execute(KNOWN, {"name": name}).one_or_none()
    if row is None:
        return None
    return Known(row.handled_until, why_held(name, entry, row), why_paused(row), row.running)


def why_held(name: str, entry: Entry, row: Any) -> str | None:
    """Why an entry does not fire before it was rehearsed, if so; with the command to run."""
    if entry.rehearsal == "off":
        return None
    if row.rehearsed_form != entry.form:
        why = "was never rehearsed" if row.rehearsed_form is None else "was changed since its rehearsal"
    elif row.rehearsal_ok:
        return None
    else:
        why = "failed its rehearsal"
    return f"held until rehearsed: it {why}; run `python -m app schedule rehearse {name}`"


def why_paused(row: Any) -> str | None:
    """Who paused an entry, and why, if it is paused."""
    if row.paused_at is None:
        return None
    because = f": {row.paused_because}" if row.paused_because else ""
    return f"paused by {row.paused_by}{because}"


def record(connection: Connection, name: str, entry: Entry, decision: Decision) -> bool:
    """Write what became of a due time that is not sent; False: it has its row already."""
    task, arguments = entry.work
    values = {
        "id": new_id(),
        "entry": name,
        "due_at": decision.due,
        "times": decision.times,
        "form": entry.form,
        "task": task,
        "arguments": arguments,
        "outcome": decision.verdict.value,
        "reason": decision.reason,
    }
    statement = upsert(ScheduleRun).values(values).on_conflict_do_nothing()
    return connection.execute(statement).rowcount > 0


def advance(connection: Connection, name: str, until: datetime, next_at: datetime | None) -> None:
    """All due times up to here have their rows."""
    values = {"handled_until": until, "next_at": next_at}
    connection.execute(update(ScheduleEntry).where(ScheduleEntry.name == name).values(values))


def lead(connection: Connection, leader: str, file: str) -> None:
    """Say who leads."""
    values: dict[str, Any] = {"leader": leader, "led_since": func.now(), "file": file}
    statement = upsert(ScheduleState).values(id=1, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


def loaded(connection: Connection, problem: str | None) -> None:
    """Say that the file was read, or what is wrong with it."""
    values: dict[str, Any] = {"problem": problem, "problem_at": func.now() if problem else None}
    if problem is None:
        values["loaded_at"] = func.now()
    connection.execute(update(ScheduleState).values(values))


SETTLE = text(
    """
    with over as (
        update schedule_runs r
        set started_at = j.started_at, finished_at = j.finished_at, outcome = j.status, reason = j.error ->> 'message'
        from jobs j
        where r.outcome is null and j.id = r.job_id and j.status not in ('queued', 'running')
        returning r.entry, r.kind, r.due_at, r.form, r.outcome, r.reason, r.job_id, r.finished_at
    ), rehearsed as (
        update schedule_entries e
        set rehearsed_at = over.finished_at, rehearsed_form = over.form, rehearsal_ok = over.outcome = 'succeeded'
        from over where over.kind = 'rehearsal' and e.name = over.entry
    )
    select * from over
    """
)

FORGOTTEN = text(
    """
    update schedule_runs set outcome = 'unknown', reason = 'its job was removed'
    where outcome is null and job_id is null and sent_at is not null
    """
)


def settle(connection: Connection) -> Sequence[Any]:
    """Write the outcome of runs whose jobs are over; those runs. Safe to call by anybody, at any time."""
    connection.execute(FORGOTTEN)
    return connection.execute(SETTLE).all()


NOT_IN_TIME = "no worker began it before it expired"

OVERDUE = text(
    """
    select r.id, r.entry, r.due_at, r.job_id from schedule_runs r join jobs j on j.id = r.job_id
    where r.outcome is null and r.expires_at < now() and j.status = 'queued' and j.started_at is null
    """
)


def overdue(connection: Connection) -> Sequence[Any]:
    """Runs whose jobs have not started in time."""
    return connection.execute(OVERDUE).all()


def expire(connection: Connection, run_id: uuid.UUID) -> None:
    """Write that a run, whose job was cancelled, has expired."""
    values = {"outcome": "expired", "reason": NOT_IN_TIME, "finished_at": func.now()}
    connection.execute(update(ScheduleRun).where(ScheduleRun.id == run_id).values(values))


def open_run(
    connection: Connection,
    name: str,
    entry: Entry,
    *,
    kind: RunKind,
    due: datetime,
    caught_up: bool,
    who: str,
) -> uuid.UUID | None:
    """A new row for a run that is about to be sent; None: this due time has one already."""
    task, arguments = entry.work
    values = {
        "id": new_id(),
        "entry": name,
        "kind": kind.value,
        "due_at": due,
        "caught_up": caught_up,
        "form": entry.form,
        "task": task,
        "arguments": arguments,
        "who": who,
        "expires_at": due + entry.expires if entry.expires and kind is RunKind.SCHEDULE else None,
    }
    statement = upsert(ScheduleRun).values(values).on_conflict_do_nothing().returning(ScheduleRun.id)
    return connection.scalar(statement)


def sent(connection: Connection, run_id: uuid.UUID, job_id: uuid.UUID) -> None:
    """The run has its job."""
    values = {"job_id": job_id, "sent_at": func.now()}
    connection.execute(update(ScheduleRun).where(ScheduleRun.id == run_id).values(values))


def made(connection: Connection, run_id: uuid.UUID, job_ids: list[uuid.UUID]) -> None:
    """The run has made these jobs."""
    if job_ids:
        rows = [{"run_id": run_id, "job_id": job_id} for job_id in job_ids]
        connection.execute(upsert(ScheduleMade).on_conflict_do_nothing(), rows)
