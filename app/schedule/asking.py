"""What an operator asks of an entry: run it, rehearse it, pause it, resume it."""

import uuid
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.schedule import ledger
from app.schedule.entries import Entry
from app.schedule.sending import send_now
from docrelay.errors import Conflict, NotFound
from docrelay.names import RunKind
from docrelay.tables import ScheduleEntry


def rehearse(connection: Connection, name: str, entry: Entry, who: str) -> tuple[uuid.UUID, uuid.UUID]:
    """Run an entry in the mode that changes nothing; the ids of the run and its job."""
    row = upsert(ScheduleEntry).values(name=name, entry=entry.as_row(), form=entry.form, present=False)
    # Beat may not have read the file yet; the result needs its row.
    connection.execute(row.on_conflict_do_nothing())
    return send_now(connection, name, entry, kind=RunKind.REHEARSAL, who=who)


def run(connection: Connection, name: str, entry: Entry, who: str, *, anyway: bool) -> tuple[uuid.UUID, uuid.UUID]:
    """Run an entry now, besides its due times; the ids of the run and its job.

    Raises:
        Conflict: it is held until rehearsed.
    """
    row = connection.execute(select(ScheduleEntry.__table__).where(ScheduleEntry.name == name)).one_or_none()
    held = (
        ledger.why_held(name, entry, row)
        if row
        else f"never rehearsed; run `python -m app schedule rehearse {name}`"
        if entry.rehearsal == "required"
        else None
    )
    if held and not anyway:
        raise Conflict(f"{name} is {held}, or `run {name} --anyway`")
    return send_now(connection, name, entry, kind=RunKind.HAND, who=who)


def pause(connection: Connection, name: str, *, who: str, because: str | None) -> None:
    """Let an entry's due times pass from now on; they are recorded as skipped.

    Raises:
        NotFound: there is no such entry.
    """
    values = {"paused_at": func.now(), "paused_by": who, "paused_because": because}
    _change(connection, name, values)


def resume(connection: Connection, name: str) -> None:
    """Let an entry fire again; what was due during the pause stays skipped.

    Raises:
        NotFound: there is no such entry.
    """
    _change(connection, name, {"paused_at": None, "paused_by": None, "paused_because": None})


def _change(connection: Connection, name: str, values: dict[str, Any]) -> None:
    statement = update(ScheduleEntry).where(ScheduleEntry.name == name, ScheduleEntry.present).values(values)
    if not connection.execute(statement).rowcount:
        raise NotFound(f"Beat knows no entry {name!r}; see `python -m app schedule list`")
