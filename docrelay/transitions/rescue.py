"""What the sweep does for stages whose worker vanished, and for jobs nobody woke."""

from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from docrelay.names import Channel, ErrorClass, JobStatus
from docrelay.transitions.jobs import finish_job, free_next
from docrelay.transitions.outcomes import Policy, Problem, problem_row

OVERDUE = text(
    """
    select id, job_id, stage, attempt, losses, after_outcome, worker, queue, now() >= deadline as too_long,
           seconds
    from stage_runs
    where status = 'running' and lease_until < now()
    order by lease_until limit :most
    for update skip locked
    """
)

RECLAIM = text(
    """
    with freed as (
        update stage_runs
        set status = :status, lease_token = null, lease_until = null, deadline = null,
            losses = losses + 1, error = :error, announced_at = null, announce_again_at = null,
            announcements = 0, ready_at = now(),
            due_at = now() + cast(:pause as float8) * interval '1 second',
            finished_at = case when :status = 'ready' then null else now() end,
            ran_seconds = ran_seconds + extract(epoch from now() - claimed_at)
        where id = :id
        returning job_id, stage, attempt, queue
    ), ended as (
        update attempts set ended_at = now(), outcome = 'lost', error = :error
        where stage_run_id = :id and number = (select attempt from freed)
    ), told as (
        insert into events (job_id, kind, stage, attempt, who, detail)
        select job_id, 'lease ran out', stage, attempt, :who,
               jsonb_build_object('worker', cast(:worker as text)) from freed
        returning pg_notify(:job, job_id::text)
    )
    select pg_notify(:ready, queue) from freed where :status = 'ready'
    """
).bindparams(bindparam("error", type_=JSONB(none_as_null=True)))


def expire_leases(connection: Connection, *, who: str, policy: Policy, most: int = 100) -> int:
    """Take stages back from workers that stopped renewing; how many.

    The document is not charged: its process is watched by a worker that reports crashes and limits, so a
    lease runs out only when that worker is gone. But no stage is given away for ever either.
    """
    rows = connection.execute(OVERDUE, {"most": most}).mappings().all()
    for row in rows:
        _reclaim(connection, dict(row), who, policy)
    return len(rows)


def _reclaim(connection: Connection, row: dict[str, Any], who: str, policy: Policy) -> None:
    given_up = row["losses"] + 1 >= policy.max_losses
    tries = (row["losses"] + 1, policy.max_losses)
    error = problem_row(row["stage"], _lost(row, given_up=given_up), tries)
    values = {
        "id": row["id"],
        "status": "quarantined" if given_up else "ready",
        "error": error,
        # The second loss may be the worker's own trouble: let it pass before the next try.
        "pause": 0.0 if row["losses"] == 0 else policy.pause(row["losses"] - 1),
        "who": who,
        "worker": row["worker"],
        "job": Channel.JOB,
        "ready": Channel.READY,
    }
    connection.execute(RECLAIM, values)
    if given_up and not row["after_outcome"]:
        finish_job(connection, row["job_id"], JobStatus.QUARANTINED, who=who, error=error)


def _lost(row: dict[str, Any], *, given_up: bool) -> Problem:
    what = (
        f"the stage was not over after its limit of {row['seconds']} s"
        if row["too_long"]
        else "its worker stopped renewing the lease"
    )
    times = f"; given up after {row['losses'] + 1} such losses" if given_up else ""
    error_class = ErrorClass.POISON if given_up else ErrorClass.TRANSIENT
    return Problem(error_class, "lost", f"worker {row['worker']} vanished: {what}{times}")


FORGOTTEN = text(
    """
    select distinct j.document_id from jobs j
    where j.status = 'queued' and j.created_at < now() - interval '5 seconds'
      and (j.not_before is null or j.not_before <= now())
      and not exists (
        select 1 from stage_runs s join jobs e on e.id = s.job_id
        where e.document_id = j.document_id and e.status in ('queued', 'running')
          and s.status in ('ready', 'running') and not s.after_outcome)
    limit 100
    """
)


def release_followers(connection: Connection) -> int:
    """Start jobs that wait behind a job of the same document that is over; normally there are none.

    Closing a job starts the next one in the same transaction; this is the net below it.
    """
    documents = connection.scalars(FORGOTTEN).all()
    return sum(free_next(connection, document_id) for document_id in documents)


DUE = text(
    """
    select distinct j.document_id from jobs j
    where j.status = 'queued' and j.not_before <= now()
      and not exists (
        select 1 from stage_runs s join jobs e on e.id = s.job_id
        where e.document_id = j.document_id and e.status in ('queued', 'running')
          and s.status in ('ready', 'running') and not s.after_outcome)
    limit 100
    """
)


def release_held(connection: Connection) -> int:
    """Start jobs that were held until now, unless an earlier one of their document is under way; how many."""
    documents = connection.scalars(DUE).all()
    return sum(free_next(connection, document_id) for document_id in documents)
