"""Taking a stage, holding it, and giving it back."""

import os
import secrets
import socket
import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, text

from docrelay.names import AttemptOutcome, Channel
from docrelay.statements import AnyConnection, Statement

NEW_TOKEN_BITS = 63

CLOSING_SECONDS = 15
"""A stage's deadline is so long after its limit: the worker that enforces the limit must still be able to say so."""


def new_token() -> int:
    """A lease token: random, drawn by the worker, so that a claim whose commit was unsure can be asked
    for again and is recognised."""
    return secrets.randbits(NEW_TOKEN_BITS)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a stage, as long as its lease is held."""

    stage_run_id: uuid.UUID
    job_id: uuid.UUID
    document_id: uuid.UUID
    collection: str
    name: str
    pipeline: str
    stage: str
    queue: str
    attempt: int
    token: int
    failures: int
    strikes: int
    losses: int
    seconds: int
    silence: int
    memory_mb: int
    priority: int
    worker: str


CLAIM = Statement(
    """
    with taken as (
        update stage_runs
        set status = 'running', attempt = attempt + 1, lease_token = :token, worker = :worker,
            claimed_at = now(), started_at = coalesce(started_at, now()),
            lease_until = now() + least(cast(:lease as float8), seconds + :grace) * interval '1 second',
            deadline = now() + (seconds + :grace) * interval '1 second',
            waited_seconds = waited_seconds + extract(epoch from now() - greatest(ready_at, due_at)),
            progress_done = null, progress_total = null, progress_unit = null
        where id = :id and status = 'ready' and due_at <= now()
        returning id, job_id, stage, queue, attempt, failures, strikes, losses,
                  seconds, silence, memory_mb, priority
    ), attempted as (
        insert into attempts (stage_run_id, number, token, worker, host, pid, message_id)
        select id, attempt, :token, :worker, :host, :pid, :message_id from taken
    ), started as (
        update jobs set status = 'running', started_at = coalesce(started_at, now())
        where id = (select job_id from taken) and status = 'queued'
    ), told as (
        insert into events (job_id, kind, stage, attempt, who)
        select job_id, 'started', stage, attempt, :worker from taken
        returning pg_notify(:channel, job_id::text), set_config('synchronous_commit', 'off', true)
    )
    select taken.*, jobs.document_id, jobs.collection, jobs.name, jobs.pipeline
    from taken join jobs on jobs.id = taken.job_id
    """
)

MINE = Statement(
    """
    select s.id, s.job_id, s.stage, s.queue, s.attempt, s.failures, s.strikes, s.losses,
           s.seconds, s.silence, s.memory_mb, s.priority, jobs.document_id, jobs.collection, jobs.name, jobs.pipeline
    from stage_runs s join jobs on jobs.id = s.job_id
    where s.id = :id and s.status = 'running' and s.lease_token = :token
    """
)


def claim(
    connection: AnyConnection,
    stage_run_id: uuid.UUID,
    *,
    token: int,
    worker: str,
    message_id: str,
    lease: float,
) -> Claim | None:
    """Take a ready stage for `lease` seconds, or None if it is not to be had. A transaction of its own.

    Its commit does not wait for the disk. Should Postgres crash before the next flush, the stage is ready again
    and this claim's token worth nothing, as if the lease had run out; outcomes do wait, and flush the claim first.
    Asking again with the same token after an unsure commit gives the same claim.
    """
    values = {
        "id": stage_run_id,
        "token": token,
        "worker": worker,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "message_id": message_id,
        "lease": lease,
        "grace": CLOSING_SECONDS,
        "channel": Channel.JOB,
    }
    row = CLAIM.first(connection, values) or MINE.first(connection, {"id": stage_run_id, "token": token})
    if row is None:
        return None
    return Claim(stage_run_id=row.pop("id"), token=token, worker=worker, **row)


# Only what runs has a token, by a constraint. Asked for its status as well, Postgres would look for a stage of a large
# table in the index of all leases, and read everybody else's.
BEAT = text(
    """
    update stage_runs
    set lease_until = least(now() + cast(:lease as float8) * interval '1 second', deadline),
        progress_done = coalesce(:done, progress_done), progress_total = coalesce(:total, progress_total),
        progress_unit = coalesce(:unit, progress_unit)
    where id = :id and lease_token = :token
    returning case when cast(:done as bigint) is not null then pg_notify(:channel, job_id::text) end
    """
)


def beat(
    connection: Connection,
    held: Claim,
    *,
    lease: float,
    done: int | None = None,
    total: int | None = None,
    unit: str | None = None,
) -> bool:
    """Renew the lease, never past the stage's deadline, and say how far the work is.

    False when it is no longer held (cancelled, or taken for dead): stop, nothing more can be written.
    """
    values = {
        "id": held.stage_run_id,
        "token": held.token,
        "lease": lease,
        "done": done,
        "total": total,
        "unit": unit,
        "channel": Channel.JOB,
    }
    return connection.execute(BEAT, values).first() is not None


GIVE_BACK = text(
    """
    with freed as (
        update stage_runs
        set status = 'ready', ready_at = now(), due_at = now(), lease_token = null, lease_until = null,
            deadline = null, worker = null, announced_at = null, announce_again_at = null,
            announcements = 0, ran_seconds = ran_seconds + extract(epoch from now() - claimed_at)
        where id = :id and lease_token = :token
        returning id, job_id, stage, attempt, queue
    ), ended as (
        update attempts set ended_at = now(), outcome = :outcome
        where stage_run_id = :id and number = (select attempt from freed)
    ), told as (
        insert into events (job_id, kind, stage, attempt, who, detail)
        select job_id, 'given back', stage, attempt, :worker,
               jsonb_build_object('reason', cast(:reason as text)) from freed
    )
    select pg_notify(:ready, queue), pg_notify(:job, job_id::text) from freed
    """
)


def give_back(connection: Connection, held: Claim, reason: str) -> bool:
    """Make the stage ready again at once, charging nothing: the worker was told to stop."""
    values = {
        "id": held.stage_run_id,
        "token": held.token,
        "worker": held.worker,
        "reason": reason,
        "outcome": AttemptOutcome.INTERRUPTED,
        "ready": Channel.READY,
        "job": Channel.JOB,
    }
    return connection.execute(GIVE_BACK, values).first() is not None
