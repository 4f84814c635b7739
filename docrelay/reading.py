"""Rows to the values that callers get."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select

from docrelay import tables as t
from docrelay.names import JobStatus, StageStatus
from docrelay.views import Child, Document, Event, Job, Problem, Stage
from docrelay.waiting import Waiting, waiting

JOB_COLUMNS = (
    t.Job.id,
    t.Job.status,
    t.Job.pipeline,
    t.Job.priority,
    t.Job.error,
    t.Job.key,
    t.Job.same_as,
    t.Job.batch_id,
    t.Job.parent,
    t.Job.depth,
    t.Job.member,
    t.Job.name.label("job_name"),
    t.Job.created_at,
    t.Job.started_at,
    t.Job.finished_at,
    t.Job.not_before,
)
DOCUMENT_COLUMNS = (
    t.Document.id.label("document_id"),
    t.Document.name,
    t.Document.collection,
    t.Document.size,
    t.Document.sha256,
    t.Document.media_type,
    t.Document.page_count,
    t.Document.meta,
    t.Document.facts,
    t.Document.notes,
    t.Document.problems,
)


def select_jobs() -> Select[Any]:
    """Jobs with their documents; add conditions, then give it to `read_jobs`."""
    has_members = (t.Document.members > 0).label("has_members")
    return select(*JOB_COLUMNS, *DOCUMENT_COLUMNS, has_members).join(t.Document, t.Document.id == t.Job.document_id)


def read_jobs(connection: Connection, statement: Select[Any]) -> list[Job]:
    """The jobs of a statement made from `select_jobs`, each with its stages."""
    rows = connection.execute(statement).mappings().all()
    stages = _stages(connection, [row["id"] for row in rows])
    unfinished = [row["id"] for row in rows if row["status"] in (JobStatus.QUEUED, JobStatus.RUNNING)]
    why = waiting(connection, unfinished)
    children = _children(connection, [row["same_as"] or row["id"] for row in rows if row["has_members"]])
    return [
        _job(
            row,
            stages.get(row["id"], ()),
            why.get(row["id"]),
            children.get(row["same_as"] or row["id"], ()),
        )
        for row in rows
    ]


def _children(connection: Connection, job_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Child]]:
    """The jobs of members; of a job that was answered by an earlier one, those of the earlier."""
    found: dict[uuid.UUID, list[Child]] = {}
    if not job_ids:
        return found
    columns = select(t.Job.parent, t.Job.id, t.Job.name, t.Job.status, t.Job.member)
    for row in connection.execute(columns.where(t.Job.parent.in_(job_ids)).order_by(t.Job.id)):
        found.setdefault(row.parent, []).append(Child(row.id, row.name, JobStatus(row.status), row.member))
    return found


def _job(row: RowMapping, stages: Sequence[Stage], why: Waiting | None, children: Sequence[Child]) -> Job:
    return Job(
        id=row["id"],
        status=JobStatus(row["status"]),
        pipeline=row["pipeline"],
        document=document(row, name=row["job_name"]),
        priority=row["priority"],
        stages=tuple(stages),
        error=Problem.of(row["error"]),
        key=row["key"],
        same_as=row["same_as"],
        batch_id=row["batch_id"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        not_before=row["not_before"],
        waiting_because=why.because if why else None,
        ahead=why.ahead if why else None,
        starts_in=why.starts_in if why else None,
        parent=row["parent"],
        depth=row["depth"],
        member=row["member"],
        children=tuple(children),
    )


def document(row: RowMapping, *, name: str | None = None) -> Document:
    """The document in a row that has DOCUMENT_COLUMNS."""
    return Document(
        id=row["document_id"],
        name=name or row["name"],
        collection=row["collection"],
        size=row["size"],
        sha256=row["sha256"].hex(),
        media_type=row["media_type"],
        page_count=row["page_count"],
        metadata=row["metadata"],
        facts=row["facts"],
        notes=row["notes"],
        problems=row["problems"],
    )


def _stages(connection: Connection, job_ids: list[uuid.UUID]) -> dict[uuid.UUID, list[Stage]]:
    runs = t.StageRun.__table__
    found: dict[uuid.UUID, list[Stage]] = {}
    statement = select(runs).where(runs.c.job_id.in_(job_ids)).order_by(runs.c.job_id, runs.c.position)
    for row in connection.execute(statement).mappings():
        found.setdefault(row["job_id"], []).append(_stage(row))
    return found


def _stage(row: RowMapping) -> Stage:
    return Stage(
        name=row["stage"],
        status=StageStatus(row["status"]),
        attempt=row["attempt"],
        failures=row["failures"],
        done=row["progress_done"],
        total=row["progress_total"],
        unit=row["progress_unit"],
        waited=row["waited_seconds"],
        ran=row["ran_seconds"],
        worker=row["worker"],
        due_at=row["due_at"] if row["status"] == StageStatus.READY else None,
        error=Problem.of(row["error"]),
        result=row["result"],
    )


def read_events(connection: Connection, job_id: uuid.UUID) -> list[Event]:
    """The whole history of a job, oldest first."""
    events = t.Event.__table__
    statement = select(events).where(events.c.job_id == job_id).order_by(events.c.id)
    return [
        Event(row["at"], row["kind"], row["stage"], row["attempt"], row["who"], row["detail"])
        for row in connection.execute(statement).mappings()
    ]
