"""The ledger beside the almanac: each due time once, and each that was not sent with a reason that is true."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from benchmarks.schedule.month.entries import HELD, PAUSED

ON_TIME = timedelta(seconds=30)
"""What the documentation promises: later than this it is missed, or caught up."""

LEDGER = """
    select r.entry, r.due_at, r.times, r.outcome, r.reason, r.caught_up, r.job_id, j.status as job
    from schedule_runs r left join jobs j on j.id = r.job_id
    where r.kind = 'schedule' order by r.entry, r.due_at
"""

STRAY = """
    select count(*) as number from jobs j
    where j.pipeline = 'recur' and not exists (select 1 from schedule_runs r where r.job_id = j.id)
"""


@dataclass(frozen=True, slots=True)
class Outage:
    """No Beat ran between these moments."""

    after: datetime
    until: datetime


@dataclass(slots=True)
class Fates:
    """What became of the due times of one entry."""

    due: int
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Judgement:
    """Fates by entry, and all that should not be."""

    fates: dict[str, Fates]
    problems: list[str]


def judge(database_url: str, almanac: Mapping[str, Sequence[datetime]], outages: Sequence[Outage]) -> Judgement:
    """Look at every row."""
    with psycopg.connect(database_url, row_factory=namedtuple_row) as connection:
        rows: list[Any] = connection.execute(LEDGER).fetchall()
        stray: Any = connection.execute(STRAY).fetchone()
    problems = [f"{stray.number} jobs belong to no run"] if stray.number else []
    jobs = Counter(row.job_id for row in rows if row.job_id)
    problems += [f"the job {job} belongs to {number} runs" for job, number in jobs.items() if number > 1]
    fates = {}
    for name, dues in almanac.items():
        fates[name] = Fates(len(dues))
        problems += _entry(fates[name], name, dues, [row for row in rows if row.entry == name], outages)
    problems += [f"{row.entry} is in the ledger, not in the file" for row in rows if row.entry not in almanac]
    return Judgement(fates, problems)


def _entry(
    fates: Fates, name: str, dues: Sequence[datetime], rows: Sequence[Any], outages: Sequence[Outage]
) -> Iterator[str]:
    index = {due: number for number, due in enumerate(dues)}
    seen: Counter[datetime] = Counter()
    for row in rows:
        number = index.get(row.due_at)
        if number is None:
            yield f"{name} was not due at {row.due_at}, but {row.outcome}"
            continue
        covered = dues[number - row.times + 1 : number + 1]
        seen.update(covered)
        fates.counts[_fate(row)] += len(covered)
        for due in covered:
            if wrong := _wrong(row, due, outages):
                yield f"{name} at {due} is {row.outcome} ({row.reason}): {wrong}"
    yield from (f"{name} at {due} has no row" for due in dues if not seen[due])
    yield from (f"{name} at {due} has {number} rows" for due, number in seen.items() if number > 1)


def _fate(row: Any) -> str:
    if row.outcome == "succeeded":
        return "caught up" if row.caught_up else "in time"
    return str(row.outcome)


def _wrong(row: Any, due: datetime, outages: Sequence[Outage]) -> str | None:
    """Why a row is not true, if so."""
    nobody = any(outage.after < due < outage.until - ON_TIME for outage in outages)
    match row.outcome:
        case "succeeded" | "expired":
            if row.job is None:
                return "it has no job"
            return "a Beat ran, or nobody did" if row.caught_up != nobody else None
        case "missed":
            return None if nobody and row.reason else "a Beat ran"
        case "skipped":
            paused = row.entry == PAUSED and str(row.reason).startswith("paused by")
            return None if paused or row.reason == "the run before was not over" else "no reason for that"
        case "held":
            is_held = row.entry == HELD and "held until rehearsed" in str(row.reason)
            return None if is_held else "it needs no rehearsal"
    return "that is no good end"
