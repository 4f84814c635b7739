"""Quarantined jobs: found, looked at with all that is known, tried again, or put aside."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from app.quarantine.selection import Selection, WrongSelection
from docrelay import contents, transitions
from docrelay import tables as t

DISCARDED = "discarded"
"""The kind of the event; it counts as long as the job has not been quarantined again since."""

CASES = text(
    f"""
    select j.id, j.name, j.collection, j.pipeline, j.finished_at as at, j.error, d.discarded
    from jobs j
    cross join lateral (select exists (
        select 1 from events e where e.job_id = j.id and e.kind = '{DISCARDED}' and e.at >= j.finished_at
    ) as discarded) d
    where j.status = 'quarantined'
      and (cast(:all_ids as bool) or exists (select 1 from unnest(:ids) given where j.id::text like '%' || given))
      and (cast(:error_class as text) is null or j.error ->> 'class' = :error_class)
      and (cast(:code as text) is null or j.error ->> 'code' = :code)
      and (cast(:stage as text) is null or j.error ->> 'stage' = :stage)
      and (cast(:since as timestamptz) is null or j.finished_at >= :since)
      and (cast(:until as timestamptz) is null or j.finished_at < :until)
      and (cast(:discarded as bool) or not d.discarded)
    order by j.finished_at, j.id
    """  # noqa: S608 - a constant of ours
).bindparams(bindparam("ids", type_=ARRAY(TEXT)))

ATTEMPTS = text(
    """
    select s.stage, a.number, a.worker, a.started_at, a.outcome, a.error,
           extract(epoch from coalesce(a.ended_at, now()) - a.started_at)::float as seconds
    from attempts a join stage_runs s on s.id = a.stage_run_id
    where s.job_id = :id order by a.started_at, s.position, a.number
    """
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a stage: how it ended, what it used and what its process said last, where that is known."""

    stage: str
    number: int
    worker: str
    started_at: datetime
    seconds: float
    outcome: str | None
    code: str | None
    message: str | None
    traceback: str | None
    resources: dict[str, Any] | None
    log: list[str]


@dataclass(frozen=True, slots=True)
class Case:
    """A quarantined job and why it is there; `attempts` only when it was looked at by itself."""

    id: uuid.UUID
    name: str
    collection: str
    pipeline: str
    at: datetime
    stage: str
    error_class: str
    code: str
    message: str
    traceback: str | None
    discarded: bool
    attempts: list[Attempt] = field(default_factory=list)


def select_cases(connection: Connection, selection: Selection) -> list[Case]:
    """The selected jobs, those that came first at the top.

    Raises:
        WrongSelection: an id names no quarantined job, or several.
    """
    if selection.ids and not selection.job_ids:
        return []
    values = {
        "all_ids": not selection.ids,
        "ids": selection.job_ids,
        "error_class": selection.error_class,
        "code": selection.code,
        "stage": selection.stage,
        "since": selection.since,
        "until": selection.until,
        # Somebody who names a job means it, discarded or not.
        "discarded": selection.discarded or bool(selection.ids),
    }
    found = [_case(dict(row)) for row in connection.execute(CASES, values).mappings()]
    for given in selection.job_ids:
        matching = [case for case in found if str(case.id).endswith(given)]
        if len(matching) != 1:
            several = "several quarantined jobs" if matching else "no quarantined job of this selection"
            raise WrongSelection(f"{given} is {several}")
    return found


def _case(row: dict[str, Any]) -> Case:
    error = row.pop("error")
    return Case(
        **row,
        stage=error["stage"],
        error_class=error["class"],
        code=error["code"],
        message=error["message"],
        traceback=error.get("traceback"),
    )


def examine(connection: Connection, case: Case) -> Case:
    """The case with every attempt."""
    rows = connection.execute(ATTEMPTS, {"id": case.id}).mappings()
    return replace(case, attempts=list(_attempts([dict(row) for row in rows])))


def _attempts(rows: Sequence[dict[str, Any]]) -> Iterator[Attempt]:
    for row in rows:
        error = row.pop("error") or {}
        yield Attempt(
            **row,
            code=error.get("code"),
            message=error.get("message"),
            traceback=error.get("traceback"),
            resources=error.get("resources"),
            log=error.get("log") or [],
        )


def read_bytes(connection: Connection, case: Case, storage_url: str) -> bytes:
    """The document as it was submitted.

    Raises:
        ContentsDamaged: it is missing or changed.
    """
    document = select(t.Document.sha256).join(t.Job, t.Job.document_id == t.Document.id).where(t.Job.id == case.id)
    return contents.read(connection, connection.execute(document).scalar_one(), storage_url)


def replay(connection: Connection, case: Case, *, who: str, from_stage: str | None = None) -> bool:
    """Start the job again; False if somebody else has already."""
    return transitions.retry(connection, case.id, from_stage=from_stage, who=who)


def discard(connection: Connection, case: Case, *, who: str) -> bool:
    """Put the job aside: it stays quarantined, with all that is known, and is listed no more. False if it was."""
    if case.discarded:
        return False
    connection.execute(insert(t.Event).values(job_id=case.id, kind=DISCARDED, who=who))
    return True
