"""The schedule: who leads, whether the file is well, which entries do not fire, and what went wrong lately."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from app.doctor.findings import Finding, Verdict, finding
from app.schedule import ledger
from app.schedule.entries import Entry
from app.schedule.overview import leadership

LATELY = text(
    """
    select outcome, count(*) as runs, max(entry) as entry from schedule_runs
    where outcome in ('missed', 'expired', 'failed', 'quarantined') and recorded_at > now() - interval '1 day'
    group by outcome order by outcome
    """
)

ENTRIES = text("select * from schedule_entries where present order by name")


def schedule(connection: Connection) -> Iterator[Finding]:
    state = leadership(connection)
    if state is None:
        yield Finding("schedule", Verdict.OK, "no Beat has led yet")
        return
    yield finding(
        "schedule leader",
        f"{state.leader}, by {state.file}" if state.led else f"nobody; the last was {state.leader}",
        "start `python -m celery -A app beat`; any number may run",
        bad=not state.led,
        verdict=Verdict.WARNING,
    )
    yield finding(
        "schedule file",
        state.problem or "read without mistakes",
        f"correct {state.file}; until then the last good one counts",
        bad=state.problem is not None,
    )
    yield _held(connection)
    yield _lately(connection)


def _held(connection: Connection) -> Finding:
    held, fires = [], 0
    for row in connection.execute(ENTRIES):
        entry = Entry.model_validate(row.entry)
        if entry.enabled and ledger.why_held(row.name, entry, row):
            held.append(row.name)
        fires += entry.enabled
    return finding(
        "schedule entries",
        f"held until rehearsed: {', '.join(held)}" if held else f"{fires} enabled, none is held",
        f"run `python -m app schedule rehearse {held[0]}`" if held else "",
        bad=bool(held),
        verdict=Verdict.WARNING,
    )


def _lately(connection: Connection) -> Finding:
    rows = connection.execute(LATELY).all()
    found = ", ".join(f"{row.runs} {row.outcome} ({row.entry})" for row in rows)
    return finding(
        "schedule runs",
        found or "nothing missed or failed within a day",
        "see `python -m app schedule history`",
        bad=bool(rows),
        verdict=Verdict.WARNING,
    )
