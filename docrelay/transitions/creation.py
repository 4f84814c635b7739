"""Making jobs, many at once: the first arrow into the state machine."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from docrelay.database import batches
from docrelay.ids import new_id
from docrelay.names import INCOMPLETE, PRIORITY_DEFAULT, Channel, JobStatus, StageStatus
from docrelay.transitions.deliveries import subscribed
from docrelay.transitions.jobs import announce_outcome, explain_outcome, remove_replaced


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be made. The caller has locked the document's row in this transaction."""

    document_id: uuid.UUID
    name: str
    first: bool = False
    """The document was made in this transaction, so there is no earlier job of it."""
    key: str | None = None
    replaces: uuid.UUID | None = None
    member: str | None = None


@dataclass(frozen=True, slots=True)
class Parent:
    """The job that found the documents of new ones: how deep they are, who made them, and where each stood in it."""

    job_id: uuid.UUID
    depth: int
    who: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What jobs that are made together have in common."""

    collection: str
    pipeline: str
    fingerprint: str
    stages: list[dict[str, Any]]  # as in `pipelines.stages`
    priority: int = PRIORITY_DEFAULT
    notify: list[str] = field(default_factory=list)
    batch_id: uuid.UUID | None = None
    not_before: datetime | None = None
    """Held until then; None: at once."""
    parent: uuid.UUID | None = None
    depth: int = 0
    who: str = "client"


@dataclass(frozen=True, slots=True)
class _Earlier:
    """What keeps a new job from starting: one under way, one that it would repeat, or its own time."""

    unfinished: uuid.UUID | None = None
    finished: uuid.UUID | None = None
    held: bool = False

    @property
    def opens(self) -> bool:
        """Whether a new job starts now."""
        return self.unfinished is None and self.finished is None and not self.held

    @property
    def answers(self) -> bool:
        """Whether a new job has its outcome already."""
        return self.unfinished is None and self.finished is not None and not self.held


NOTHING = _Earlier()
HELD = _Earlier(held=True)

EARLIER = text(
    """
    select d.id,
      (select id from jobs where document_id = d.id and status in ('queued', 'running')
         and (not_before is null or not_before <= now())
       order by id limit 1) as unfinished,
      (select id from jobs where document_id = d.id and pipeline = :pipeline
         and fingerprint = :fingerprint and depth <= :depth and status in ('succeeded', 'partial', 'no_text')
       order by id desc limit 1) as finished
    from unnest(cast(:document_ids as uuid[])) d(id)
    """
)

LATER = text("select cast(:moment as timestamptz) > now()")

# Rows travel as one JSON text: a parameter for each value would cost the client more than Postgres.
INSERT_JOBS = text(
    """
    insert into jobs (id, document_id, name, key, replaces, collection, pipeline, fingerprint, priority, notify,
                      batch_id, not_before, parent, depth, member)
    select id, document_id, name, key, replaces, :collection, :pipeline, :fingerprint, :priority,
           cast(:notify as jsonb), cast(:batch_id as uuid), cast(:not_before as timestamptz),
           cast(:parent as uuid), :depth, member
    from jsonb_to_recordset(cast(:rows as jsonb))
      r(id uuid, document_id uuid, name text, key text, replaces uuid, member text)
    """
)

# Without `ready_at`, new work would sort behind all that was tried before, in no order.
INSERT_STAGES = text(
    """
    insert into stage_runs (id, job_id, position, stage, queue, status, ready_at, priority, collection,
                            after_outcome, seconds, silence, memory_mb)
    select id, job_id, position, name, queue, status, case when status = 'ready' then now() end, :priority, :collection,
           after_outcome, seconds, silence, memory_mb
    from jsonb_to_recordset(cast(:rows as jsonb)) r(id uuid, job_id uuid, position int, status text)
    join jsonb_to_recordset(cast(:stages as jsonb)) s(
        place int, name text, queue text, after_outcome bool, seconds int, silence int, memory_mb int)
      on s.place = r.position
    """
)

INSERT_EVENTS = text(
    """
    insert into events (job_id, kind, who, detail)
    select job_id, 'accepted', :who, detail
    from jsonb_to_recordset(cast(:rows as jsonb)) r(job_id uuid, detail jsonb)
    """
)

NOTIFY = text("select pg_notify(:channel, :payload)")


def create(connection: Connection, plan: Plan, wanted: Sequence[NewJob]) -> list[uuid.UUID]:
    """Make jobs with all their stages, in the given order.

    If the same document has been through the same pipeline with the same result to be expected, the new
    job is answered by the earlier one and nothing is computed. If another job works on the document,
    the new one waits for it; that may be one of the same call. Those that are held until later do neither before.
    """
    if not wanted:
        return []
    ids = [new_id() for _ in wanted]
    if _is_held(connection, plan.not_before):
        found = [HELD] * len(ids)
    else:
        found = _line_up(ids, wanted, _earlier(connection, plan, wanted))
    for batch in batches(list(zip(ids, wanted, found, strict=True))):
        _insert(connection, plan, batch)
    for job_id, new, earlier in zip(ids, wanted, found, strict=True):
        if earlier.answers and earlier.finished is not None:
            _answer_with(connection, job_id, earlier.finished, plan, new)
    if any(earlier.opens for earlier in found):
        connection.execute(NOTIFY, {"channel": Channel.READY, "payload": plan.stages[0]["queue"]})
    return ids


def _is_held(connection: Connection, not_before: datetime | None) -> bool:
    """Whether that is later than now, by the database's clock."""
    return not_before is not None and bool(connection.scalar(LATER, {"moment": not_before}))


def _earlier(connection: Connection, plan: Plan, wanted: Sequence[NewJob]) -> dict[uuid.UUID, _Earlier]:
    documents = list({new.document_id for new in wanted if not new.first})
    if not documents:
        return {}
    same = {"pipeline": plan.pipeline, "fingerprint": plan.fingerprint, "depth": plan.depth}
    values = {"document_ids": documents, **same}
    return {row.id: _Earlier(row.unfinished, row.finished) for row in connection.execute(EARLIER, values)}


def _line_up(ids: Sequence[uuid.UUID], wanted: Sequence[NewJob], earlier: dict[uuid.UUID, _Earlier]) -> list[_Earlier]:
    """What is before each of the new jobs, those of this call included."""
    found = []
    for job_id, new in zip(ids, wanted, strict=True):
        before = earlier.get(new.document_id, NOTHING)
        found.append(before)
        if before.opens:
            earlier[new.document_id] = _Earlier(unfinished=job_id)
    return found


def _insert(connection: Connection, plan: Plan, batch: Sequence[tuple[uuid.UUID, NewJob, _Earlier]]) -> None:
    jobs, stages, events = [], [], []
    for job_id, new, earlier in batch:
        jobs.append(_job_row(job_id, new))
        first = StageStatus.READY if earlier.opens else StageStatus.WAITING
        stages += [
            {"id": new_id(), "job_id": job_id, "position": at, "status": StageStatus.WAITING if at else first}
            for at in range(len(plan.stages))
        ]
        detail: dict[str, Any] = {"pipeline": plan.pipeline, "priority": plan.priority}
        if earlier.held and plan.not_before is not None:
            detail["held_until"] = plan.not_before.isoformat()
        if earlier.unfinished is not None:
            detail["behind"] = earlier.unfinished
        if plan.parent is not None:
            detail["found in"] = plan.parent
        events.append({"job_id": job_id, "detail": detail})
    common = {"collection": plan.collection, "priority": plan.priority}
    kinds = [{**stage, "place": place} for place, stage in enumerate(plan.stages)]
    of_jobs = {
        "pipeline": plan.pipeline,
        "fingerprint": plan.fingerprint,
        "notify": _json(plan.notify),
        "batch_id": plan.batch_id,
        "not_before": plan.not_before,
        "parent": plan.parent,
        "depth": plan.depth,
    }
    connection.execute(INSERT_JOBS, {"rows": _json(jobs), **common, **of_jobs})
    connection.execute(INSERT_STAGES, {"rows": _json(stages), "stages": _json(kinds), **common})
    connection.execute(INSERT_EVENTS, {"rows": _json(events), "who": plan.who})


def _job_row(job_id: uuid.UUID, new: NewJob) -> dict[str, Any]:
    return {
        "id": job_id,
        "document_id": new.document_id,
        "name": new.name,
        "key": new.key,
        "replaces": new.replaces,
        "member": new.member,
    }


def _json(value: object) -> str:
    return json.dumps(value, default=str)


ANSWER = text(
    """
    with answered as (
        update jobs set status = earlier.status, same_as = earlier.id, started_at = now(),
                        finished_at = now()
        from (select id, status from jobs where id = :earlier) earlier
        where jobs.id = :id and jobs.status = 'queued'
        returning jobs.id, jobs.status
    ), skipped as (
        update stage_runs set status = 'skipped', finished_at = now()
        where job_id = :id and status = 'waiting' and not after_outcome
    ), told as (
        insert into events (job_id, kind, who, detail)
        select id, 'answered by an identical job', :who, jsonb_build_object('same_as', cast(:earlier as text))
        from answered
        returning pg_notify(:channel, job_id::text)
    )
    select status from answered
    """
)


def _answer_with(connection: Connection, job_id: uuid.UUID, earlier: uuid.UUID, plan: Plan, new: NewJob) -> None:
    """Close a new job with the outcome of an identical earlier one."""
    values = {"id": job_id, "earlier": earlier, "who": plan.who, "channel": Channel.JOB}
    status = JobStatus(connection.execute(ANSWER, values).scalar_one())
    told = [*plan.notify, *subscribed(connection, f"job.{status}", plan.collection)]
    announce_outcome(connection, job_id, status, name=new.name, collection=plan.collection, notify=told)
    if status in INCOMPLETE and told:
        explain_outcome(connection, job_id)
    if new.replaces:
        remove_replaced(connection, new.replaces, plan.collection)
