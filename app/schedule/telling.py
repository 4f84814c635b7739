"""Notifications of the schedule: what did not run, and what ended badly. Good runs are told by their jobs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.schedule.deciding import Decision, Verdict
from app.schedule.entries import Entry
from app.schedule.ledger import NOT_IN_TIME
from docrelay.names import RunKind
from docrelay.transitions import notify_service

BAD = ("failed", "quarantined", "unknown")


def tell_missed(connection: Connection, name: str, entry: Entry, decisions: Sequence[Decision]) -> None:
    """Tell of all that was missed in a row at once: after a long outage nobody wants a thousand messages."""
    missed = [decision for decision in decisions if decision.verdict is Verdict.MISSED]
    if not missed:
        return
    times, last = sum(decision.times for decision in missed), missed[-1]
    which = f"at {last.due:%Y-%m-%d %H:%M:%S} UTC" if times == 1 else f"{times} times, last at {last.due:%H:%M:%S} UTC"
    data = {
        "message": f"{name} did not run {which}: {last.reason}",
        "remedy": f"see `python -m app schedule history {name}`",
        "entry": name,
        "due_at": last.due.isoformat(),
        "times": times,
    }
    notify_service(connection, "schedule.missed", data, line=name, targets=entry.notify)


def tell_failed(connection: Connection, runs: Sequence[Any]) -> None:
    """Tell of runs that ended badly; whoever is in the entry's own `notify` hears it from the job."""
    for run in runs:
        if run.outcome in BAD and run.kind != RunKind.REHEARSAL:
            _tell(connection, run.entry, run.due_at, f"{run.outcome}: {run.reason}")


def tell_expired(connection: Connection, name: str, due: datetime) -> None:
    """Tell of a run that could not start in time; its job says no more than that it was cancelled."""
    _tell(connection, name, due, f"expired: {NOT_IN_TIME}")


def _tell(connection: Connection, name: str, due: datetime, what: str) -> None:
    data = {
        "message": f"the run of {name} at {due:%Y-%m-%d %H:%M:%S} UTC {what}",
        "remedy": f"see `python -m app schedule history {name}`",
        "entry": name,
        "due_at": due.isoformat(),
    }
    notify_service(connection, "schedule.failed", data, line=name)
