"""What clients ask of a job that is there: a cancellation, another try."""

import uuid

from sqlalchemy import Connection, text

from docrelay.names import Channel, JobStatus
from docrelay.transitions.jobs import finish_job, free_next

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
