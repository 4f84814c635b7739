"""What clients ask for: a new job, a cancellation, another try."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Boolean, Connection, bindparam, case, func, insert, text

from docrelay.ids import new_id
from docrelay.names import INCOMPLETE, PRIORITY_DEFAULT, Channel, JobStatus, StageStatus
from docrelay.tables import Event, Job, StageRun
from docrelay.transitions.jobs import announce_outcome, explain_outcome, finish_job, free_next, remove_replaced


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be made. The caller has locked the document's row in this transaction."""

    document_id: uuid.UUID
    collection: str
    name: str
    pipeline: str
    fingerprint: str
    stages: list[dict[str, Any]]  # as in `pipelines.stages`
    priority: int = PRIORITY_DEFAULT
    key: str | None = None
    notify: list[str] = field(default_factory=list)
    replaces: uuid.UUID | None = None
    who: str = "client"


EARLIER = text(
    """
    select
      (select id from jobs where document_id = :document_id and status in ('queued', 'running')
       order by id limit 1) as unfinished,
      (select id from jobs where document_id = :document_id and pipeline = :pipeline
         and fingerprint = :fingerprint and status in ('succeeded', 'partial', 'no_text')
       order by id desc limit 1) as finished
    """
)

NOTIFY = text("select pg_notify(:channel, :payload)")


def create(connection: Connection, new: NewJob) -> uuid.UUID:
    """Make a job with all its stages.

    If the same document has been through the same pipeline with the same result to be expected, the new
    job is answered by the earlier one and nothing is computed. If another job works on the document,
    the new one waits for it.
    """
    values = {"document_id": new.document_id, "pipeline": new.pipeline, "fingerprint": new.fingerprint}
    unfinished, finished = connection.execute(EARLIER, values).one()
    job_id = new_id()
    connection.execute(insert(Job).values(_job_row(job_id, new)))
    first = StageStatus.WAITING if unfinished or finished else StageStatus.READY
    connection.execute(INSERT_STAGES, _stage_rows(job_id, new, first))
    detail = {"pipeline": new.pipeline, "priority": new.priority}
    if unfinished:
        detail["behind"] = str(unfinished)
    connection.execute(insert(Event).values(job_id=job_id, kind="accepted", who=new.who, detail=detail))
    if finished and not unfinished:
        answer_with(connection, job_id, finished, new)
    elif not unfinished:
        connection.execute(NOTIFY, {"channel": Channel.READY, "payload": new.stages[0]["queue"]})
    return job_id


def _job_row(job_id: uuid.UUID, new: NewJob) -> dict[str, Any]:
    return {
        "id": job_id,
        "document_id": new.document_id,
        "collection": new.collection,
        "name": new.name,
        "pipeline": new.pipeline,
        "fingerprint": new.fingerprint,
        "priority": new.priority,
        "key": new.key,
        "notify": new.notify,
        "replaces": new.replaces,
    }


# Without the time, new work would sort behind all that was tried before, in no order.
INSERT_STAGES = insert(StageRun).values(ready_at=case((bindparam("opened", type_=Boolean), func.now())))


def _stage_rows(job_id: uuid.UUID, new: NewJob, first: StageStatus) -> list[dict[str, Any]]:
    return [
        {
            "id": new_id(),
            "job_id": job_id,
            "position": position,
            "stage": stage["name"],
            "queue": stage["queue"],
            "status": first if position == 0 else StageStatus.WAITING,
            "opened": position == 0 and first is StageStatus.READY,
            "priority": new.priority,
            "collection": new.collection,
            "after_outcome": stage["after_outcome"],
            "seconds": stage["seconds"],
            "silence": stage["silence"],
            "memory_mb": stage["memory_mb"],
        }
        for position, stage in enumerate(new.stages)
    ]


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


def answer_with(connection: Connection, job_id: uuid.UUID, earlier: uuid.UUID, new: NewJob) -> None:
    """Close a new job with the outcome of an identical earlier one."""
    values = {"id": job_id, "earlier": earlier, "who": new.who, "channel": Channel.JOB}
    status = JobStatus(connection.execute(ANSWER, values).scalar_one())
    announce_outcome(connection, job_id, status, name=new.name, notify=new.notify)
    if status in INCOMPLETE and new.notify:
        explain_outcome(connection, job_id)
    if new.replaces:
        remove_replaced(connection, new.replaces, new.collection)


LOCK_STAGES = text("select id from stage_runs where job_id = :id order by position for update")

END_RUNNING = text(
    """
    with ended as (
        update stage_runs
        set status = 'cancelled', finished_at = now(), lease_token = null, lease_until = null,
            deadline = null, ran_seconds = ran_seconds + extract(epoch from now() - claimed_at)
        where job_id = :id and status = 'running' and after_outcome = :after_outcome
        returning id, attempt
    )
    update attempts set ended_at = now(), outcome = 'cancelled'
    from ended where stage_run_id = ended.id and number = ended.attempt
    """
)


def cancel(connection: Connection, job_id: uuid.UUID, *, who: str = "client") -> bool:
    """End a job that has no outcome yet; False if it has one (or is unknown).

    A running stage loses its lease here and now: its worker notices at its next beat, stops the
    document's process, and can write nothing in between.
    """
    connection.execute(LOCK_STAGES, {"id": job_id})
    if not finish_job(connection, job_id, JobStatus.CANCELLED, who=who):
        return False
    connection.execute(END_RUNNING, {"id": job_id, "after_outcome": False})
    return True


REOPEN = text(
    """
    update jobs set status = 'queued', finished_at = null, error = null, same_as = null
    where id = :id and status in ('partial', 'no_text', 'failed', 'quarantined', 'cancelled')
    returning document_id
    """
)

REWIND = text(
    """
    update stage_runs
    set status = 'waiting', finished_at = null, error = null, result = null, verdict = null, failures = 0, strikes = 0,
        losses = 0, announced_at = null, announce_again_at = null, announcements = 0, worker = null
    where job_id = :id and position >= (
        select min(position) from stage_runs
        where job_id = :id and (stage = :stage or not after_outcome and (status <> 'succeeded' or verdict is not null)))
    """
)

TOLD = text(
    """
    insert into events (job_id, kind, who, detail)
    values (:id, 'retry asked for', :who, jsonb_build_object('from', cast(:stage as text)))
    returning pg_notify(:job, job_id::text)
    """
)


def retry(connection: Connection, job_id: uuid.UUID, *, from_stage: str | None = None, who: str = "client") -> bool:
    """Start a job that did not succeed again, from the stage that failed or an earlier `from_stage`.

    Of a `partial` or `no_text` one, from the stage that found so: it may find more by now.

    What earlier stages made is kept. False if the job is in no such state.
    """
    connection.execute(LOCK_STAGES, {"id": job_id})
    document_id = connection.execute(REOPEN, {"id": job_id}).scalar_one_or_none()
    if document_id is None:
        return False
    # The first outcome may be on its way to those who wait. What is still to be sent goes with the next one.
    connection.execute(END_RUNNING, {"id": job_id, "after_outcome": True})
    connection.execute(REWIND, {"id": job_id, "stage": from_stage})
    connection.execute(TOLD, {"id": job_id, "who": who, "stage": from_stage, "job": Channel.JOB})
    free_next(connection, document_id)
    return True
