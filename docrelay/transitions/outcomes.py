"""Closing a stage, and the job with it when its outcome is known."""

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from docrelay.database import storable
from docrelay.names import AttemptOutcome, Channel, ErrorClass, JobStatus, StageStatus
from docrelay.statements import Statement
from docrelay.transitions.claims import Claim
from docrelay.transitions.hints import tell
from docrelay.transitions.jobs import finish_job

RETRY_PAUSE_CAP = 600.0


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a stage did not succeed, in words for a person, with its class."""

    error_class: ErrorClass
    code: str
    message: str
    traceback: str | None = None
    evidence: dict[str, Any] | None = None
    """What the attempt used and its process's last lines; kept with the attempt alone."""
    exceeded: dict[str, Any] | None = None
    """The limit that was hit: `limit`, `value`, `used`, `unit`."""


class Closing(StrEnum):
    """What became of an attempt to close a stage."""

    DONE = "done"
    ALREADY = "already"  # an earlier, unsure commit did happen, effects and all
    LOST = "lost"  # the lease is no longer held: roll back


@dataclass(frozen=True, slots=True)
class Policy:
    """How often a stage may fail before its job does, and the first pause between tries in seconds."""

    max_failures: int = 5
    max_strikes: int = 2
    max_losses: int = 10
    retry_seconds: float = 2.0

    def pause(self, failures: int) -> float:
        """Seconds until the next try: doubling, capped, with full jitter on the upper half."""
        longest = min(RETRY_PAUSE_CAP, self.retry_seconds * 2.0**failures)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, guards nothing


SUCCEED = Statement(
    """
    with closed as (
        update stage_runs
        set status = 'succeeded', finished_at = now(), lease_token = null, lease_until = null,
            deadline = null, error = null, result = cast(:result as jsonb), verdict = cast(:verdict as text),
            ran_seconds = ran_seconds + extract(epoch from now() - claimed_at)
        where id = :id and lease_token = :token
        returning id, job_id, position, stage, attempt, after_outcome
    ), ended as (
        update attempts set ended_at = now(), outcome = 'succeeded'
        where stage_run_id = :id and number = (select attempt from closed)
    ), told as (
        insert into events (job_id, kind, stage, attempt, who, detail)
        select job_id, 'succeeded', stage, attempt, :worker, coalesce(cast(:result as jsonb), '{}'::jsonb) from closed
    ), opened as (
        update stage_runs s
        set status = 'ready', ready_at = now(), due_at = now()
        from closed
        where s.job_id = closed.job_id and s.position = closed.position + 1 and s.status = 'waiting'
          and not s.after_outcome and not closed.after_outcome and :goes_on
        returning s.queue
    )
    select closed.after_outcome, (select queue from opened) as opened,
           exists (select 1 from stage_runs s
                   where s.job_id = closed.job_id and s.verdict = 'partial') as partial_before
    from closed
    """
)

ALREADY = Statement(
    """
    select 1 from attempts
    where stage_run_id = :id and number = :attempt and token = :token and outcome = 'succeeded'
    """
)


def succeed(
    connection: Connection,
    held: Claim,
    result: dict[str, Any] | None = None,
    *,
    job_status: JobStatus = JobStatus.SUCCEEDED,
) -> Closing:
    """Close the stage, in the transaction that holds its effects, and open the next one.

    `job_status=NO_TEXT` ends the job here; `PARTIAL` goes on, and is the job's outcome if nothing else goes wrong.
    """
    values = {
        "id": held.stage_run_id,
        "token": held.token,
        "worker": held.worker,
        "result": None if result is None else Jsonb(result),
        "verdict": None if job_status is JobStatus.SUCCEEDED else job_status,
        "goes_on": job_status is not JobStatus.NO_TEXT,
    }
    row = SUCCEED.first(connection, values)
    if row is None:
        mine = {"id": held.stage_run_id, "attempt": held.attempt, "token": held.token}
        return Closing.ALREADY if ALREADY.first(connection, mine) else Closing.LOST
    if row["opened"] is not None:
        tell(connection, Channel.READY, row["opened"])
    elif not row["after_outcome"]:
        partial = job_status is JobStatus.SUCCEEDED and row["partial_before"]
        finish_job(connection, held.job_id, JobStatus.PARTIAL if partial else job_status, who=held.worker)
    tell(connection, Channel.JOB, str(held.job_id))
    return Closing.DONE


CLOSE = text(
    """
    with closed as (
        update stage_runs
        set status = :status, lease_token = null, lease_until = null, deadline = null, worker = null,
            error = :error, failures = failures + :failures, strikes = strikes + :strikes,
            ran_seconds = ran_seconds + extract(epoch from now() - claimed_at),
            announced_at = null, announce_again_at = null, announcements = 0,
            ready_at = case when :again then now() else ready_at end,
            due_at = case when :again then now() + cast(:pause as float8) * interval '1 second'
                     else due_at end,
            finished_at = case when :again then null else now() end
        where id = :id and lease_token = :token
        returning job_id, stage, attempt, after_outcome, due_at, queue
    ), ended as (
        update attempts set ended_at = now(), outcome = :outcome,
                            error = cast(:error as jsonb) || cast(:evidence as jsonb)
        where stage_run_id = :id and number = (select attempt from closed)
    ), told as (
        insert into events (job_id, kind, stage, attempt, who, detail)
        select job_id, :kind, stage, attempt, :worker,
               coalesce(:error, '{}'::jsonb) - 'traceback'
               || case when :again then jsonb_build_object('next_try_at', due_at) else '{}'::jsonb end
               || case when cast(:because as text) is null then '{}'::jsonb
                  else jsonb_build_object('because', cast(:because as text)) end
        from closed
    )
    select job_id, after_outcome, pg_notify(:job, job_id::text),
           case when :again then pg_notify(:ready, queue) end
    from closed
    """
).bindparams(bindparam("error", type_=JSONB(none_as_null=True)), bindparam("evidence", type_=JSONB))


def _close(
    connection: Connection,
    held: Claim,
    *,
    status: StageStatus,
    outcome: AttemptOutcome,
    kind: str,
    problem: Problem | None,
    failures: int = 0,
    strikes: int = 0,
    pause: float = 0.0,
    because: str | None = None,
    tries: tuple[int, int] | None = None,
) -> bool:
    error = problem_row(held.stage, problem, tries) if problem else None
    values = {
        "id": held.stage_run_id,
        "token": held.token,
        "worker": held.worker,
        "status": status,
        "outcome": outcome,
        "kind": kind,
        "error": error,
        "evidence": (problem and problem.evidence) or {},
        "failures": failures,
        "strikes": strikes,
        "pause": pause,
        "because": because,
        "again": status is StageStatus.READY,
        "job": Channel.JOB,
        "ready": Channel.READY,
    }
    row = connection.execute(CLOSE, values).mappings().one_or_none()
    if row is None:
        return False
    if status is not StageStatus.READY and not row["after_outcome"]:
        finish_job(connection, held.job_id, JobStatus(status.value), who=held.worker, error=error)
    return True


def problem_row(stage: str, problem: Problem, tries: tuple[int, int] | None = None) -> dict[str, Any]:
    """The problem as it is kept in rows and shown to callers.

    `tries` is how many of how many have failed, by the policy that was applied: only the service knows its own.
    """
    row: dict[str, Any] = {
        "stage": stage,
        "class": str(problem.error_class),
        "code": problem.code,
        # It may quote the document, and Postgres takes no NUL.
        "message": storable(problem.message),
        "traceback": storable(problem.traceback) if problem.traceback else None,
    }
    row |= {"exceeded": problem.exceeded} if problem.exceeded else {}
    return row | ({"tried": tries[0], "allowed": tries[1]} if tries else {})


def fail(
    connection: Connection,
    held: Claim,
    problem: Problem,
    *,
    outcome: AttemptOutcome = AttemptOutcome.FAILED,
    policy: Policy,
) -> bool:
    """Close the attempt as failed; the error's class decides whether the stage is tried again.

    Transient: again after a pause, until `max_failures`. Permanent: never. Poison: again at once,
    alone and with the fallback, until `max_strikes`, then quarantine. False when the lease is gone.
    """
    if problem.error_class is ErrorClass.POISON:
        struck = held.strikes + 1
        return _close(
            connection,
            held,
            status=StageStatus.QUARANTINED if struck >= policy.max_strikes else StageStatus.READY,
            outcome=outcome,
            kind=str(outcome),
            problem=problem,
            strikes=1,
            tries=(struck, policy.max_strikes),
        )
    tries = (held.failures + 1, policy.max_failures) if problem.error_class is ErrorClass.TRANSIENT else None
    if problem.error_class is ErrorClass.TRANSIENT and held.failures + 1 < policy.max_failures:
        return _close(
            connection,
            held,
            status=StageStatus.READY,
            outcome=outcome,
            kind="failed, will be tried again",
            problem=problem,
            failures=1,
            pause=policy.pause(held.failures),
            tries=tries,
        )
    return _close(
        connection,
        held,
        status=StageStatus.FAILED,
        outcome=outcome,
        kind="failed",
        problem=problem,
        failures=1,
        tries=tries,
    )


def postpone(connection: Connection, held: Claim, seconds: float, because: str | None = None) -> bool:
    """Put the stage off: it did what it could for now (deliveries whose receiver is down), and says why."""
    return _close(
        connection,
        held,
        status=StageStatus.READY,
        outcome=AttemptOutcome.SUCCEEDED,
        kind="postponed",
        problem=None,
        pause=seconds,
        because=because,
    )


def hold(connection: Connection, held: Claim, problem: Problem, seconds: float) -> bool:
    """Put the stage off because the service itself cannot do it just now: shown on the job, charged to nobody."""
    return _close(
        connection,
        held,
        status=StageStatus.READY,
        outcome=AttemptOutcome.INTERRUPTED,
        kind="held up by the service",
        problem=problem,
        pause=seconds,
    )
