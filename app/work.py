"""Running one stage for one announcement: claim, work, close. Every stage task goes through here."""

import logging
import traceback
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import Connection, text

from app.isolation import AnswerGarbled, CallFailed, LimitHit, Limits, NotReady, ProcessDied, WorkRefused
from app.isolation.protocol import NOT_READY
from app.leases import Lease, LeaseKeeper, LeaseLost
from app.runtime import engine, identity, policy, stopping
from app.telling import teller
from config.settings import settings
from docrelay import transitions
from docrelay.contents import ContentsDamaged, StorageUnavailable
from docrelay.database import transact, transact_singly
from docrelay.errors import Unavailable
from docrelay.names import INCOMPLETE, AttemptOutcome, ErrorClass, JobStatus
from docrelay.transitions import Claim, Closing, Problem
from docrelay.transitions.claims import new_token

log = logging.getLogger(__name__)

NOT_READY_SECONDS = 30.0
"""A worker whose model or package is missing tries again after this: the operator's trouble, not the document's."""

STORAGE_SECONDS = 5.0
"""Bytes whose store is away are asked for again after this."""

Effects = Callable[[Connection], None]


class Interrupted(Exception):  # noqa: N818
    """This worker was told to stop and the grace is over."""


class StageFailed(Exception):  # noqa: N818
    """Raised when all is written, for Celery alone: its events and Flower then say FAILURE too."""


class Work:
    """A claimed stage, as its body sees it."""

    def __init__(self, lease: Lease) -> None:
        """Work under a lease."""
        self._lease = lease
        self.claim: Claim = lease.claim
        self.unit = "pages"
        self._base = 0

    @property
    def limits(self) -> Limits:
        """The stage's limits for calls of a document process."""
        return Limits(self.claim.seconds, self.claim.silence, self.claim.memory_mb)

    def check(self) -> None:
        """Raise if the work is no longer wanted; call it between steps that take long.

        Raises:
            LeaseLost: the job was cancelled, or the stage given to another worker.
            Interrupted: this worker stops.
        """
        if self._lease.lost.is_set():
            raise LeaseLost
        if stopping.over.is_set():
            raise Interrupted

    def progress(self, done: int, total: int) -> None:
        """So many of so many `unit` are done."""
        self._lease.progress(done, total, self.unit)

    def read(self, query: Callable[[Connection], Any]) -> Any:
        """Run a query of the body in a transaction of its own."""
        return transact(engine(), query)

    def write(self, effects: Callable[[Connection], Any]) -> Any:
        """Commit effects that are right whoever wrote them (a cache), before the stage closes; what they return."""
        self.check()
        return transact(engine(), effects)

    def succeed(
        self,
        effects: Effects,
        result: dict[str, Any] | None = None,
        *,
        job_status: JobStatus = JobStatus.SUCCEEDED,
        demand: dict[str, Any] | None = None,
        first: Effects | None = None,
    ) -> None:
        """Commit the stage's effects together with its closing; a stage that it demands comes next.

        `first` locks what has to be locked before rows of jobs.

        Raises:
            LeaseLost: the lease is gone; nothing was written.
        """

        def close(connection: Connection) -> None:
            if first is not None:
                first(connection)
            if demand is not None:
                transitions.demand(connection, self.claim, demand)
            # Closing first locks the row: effects of a worker that came too late are never even tried.
            closing = transitions.succeed(connection, self.claim, result, job_status=job_status)
            if closing is Closing.LOST:
                raise LeaseLost
            if closing is Closing.DONE:
                effects(connection)
                if job_status in INCOMPLETE:
                    transitions.explain_outcome(connection, self.claim.job_id)

        transitions.commit_and_tell(engine(), close, teller().tell)

    def make_way(self) -> None:
        """Give the stage back, to go on with it in its next turn; what it has written stays."""
        transact(engine(), lambda connection: transitions.give_back(connection, self.claim, "others had waited"))

    def postpone(self, seconds: float, because: str) -> None:
        """Put the stage off; nothing failed, and the history says why."""
        transact(engine(), lambda connection: transitions.postpone(connection, self.claim, seconds, because))


Body = Callable[[Work], None]


@cache
def keeper() -> LeaseKeeper:
    """The process's keeper of leases."""
    return LeaseKeeper(engine(), settings().lease_seconds)


def run_stage(stage_run_id: str, message_id: str, body: Body) -> str:
    """Claim the stage that was announced and run its body; what happened, in a word for the log.

    Raises:
        StageFailed: the attempt failed, and its row says so. Tasks name it in `throws`.
    """
    run_id = uuid.UUID(stage_run_id)
    try:
        claim = _claim(run_id, message_id)
    except Unavailable as error:
        log.warning("stage %s not claimed: %s; it will be announced again", run_id, error)
        return "not claimed"
    if claim is None:
        return _dropped(run_id, message_id)
    with keeper().holding(claim) as lease:
        return _guarded(Work(lease), body)


def _claim(run_id: uuid.UUID, message_id: str) -> Claim | None:
    token = new_token()
    who = identity("worker")

    def work(connection: psycopg.Connection) -> Claim | None:
        return transitions.claim(
            connection, run_id, token=token, worker=who, message_id=message_id, lease=settings().lease_seconds
        )

    return transact_singly(engine(), work)


def _dropped(run_id: uuid.UUID, message_id: str) -> str:
    """A message whose stage is not to be had: done, held by another, cancelled. Leave a trace."""
    statement = text(
        """
        insert into events (job_id, kind, stage, attempt, who, detail)
        select job_id, 'message dropped', stage, attempt, :who,
               jsonb_build_object('message', cast(:message as text), 'because', 'the stage is ' || status)
        from stage_runs where id = :id
        """
    )
    values = {"id": run_id, "who": identity("worker"), "message": message_id}
    try:
        transact(engine(), lambda connection: connection.execute(statement, values))
    except Unavailable as error:
        log.warning("no trace of the dropped message %s: %s", message_id, error)
    log.info("message %s dropped: stage %s is not ready", message_id, run_id)
    return "dropped"


def _guarded(work: Work, body: Body) -> str:
    """Run the body and turn whatever ends it into a transition."""
    try:
        body(work)
    except LeaseLost:
        log.info("stage %s: lease lost, nothing written", work.claim.stage_run_id)
        return "lease lost"
    except Interrupted:
        return _close(work, lambda connection: transitions.give_back(connection, work.claim, "the worker stops"))
    except NotReady as error:
        log.error("%s", error)  # noqa: TRY400 - its traceback is of the other process
        problem = Problem(ErrorClass.TRANSIENT, NOT_READY, str(error))
        return _close(work, lambda connection: transitions.hold(connection, work.claim, problem, NOT_READY_SECONDS))
    except StorageUnavailable as error:
        log.warning("stage %s: %s; it will be tried again", work.claim.stage_run_id, error)
        away = Problem(ErrorClass.TRANSIENT, "storage_unavailable", str(error))
        return _close(work, lambda connection: transitions.hold(connection, work.claim, away, STORAGE_SECONDS))
    except Unavailable as error:
        log.warning("stage %s: %s; its lease will run out", work.claim.stage_run_id, error)
        return "database unavailable"
    except Exception as error:  # noqa: BLE001 - the one place where every error becomes a row
        problem, outcome = classify(error)
        closed = _close(
            work,
            lambda connection: transitions.fail(connection, work.claim, problem, outcome=outcome, policy=policy()),
        )
        if closed == "closed":
            raise StageFailed(f"{work.claim.stage} of {work.claim.name}: {problem.message}") from None
        return closed
    return "done"


def _close(work: Work, transition: Callable[[Connection], bool]) -> str:
    try:
        closed = transact(engine(), transition)
    except Unavailable as error:
        log.warning("stage %s: %s; its lease will run out", work.claim.stage_run_id, error)
        return "database unavailable"
    return "closed" if closed else "lease lost"


def classify(error: Exception) -> tuple[Problem, AttemptOutcome]:
    """What an error means for the document, and how the attempt is recorded."""
    problem, outcome = _judge(error)
    if isinstance(error, CallFailed) and error.evidence:
        problem = replace(problem, evidence=error.evidence.as_row())
    return problem, outcome


def _judge(error: Exception) -> tuple[Problem, AttemptOutcome]:
    if isinstance(error, WorkRefused):
        refusal = error.refusal
        error_class = ErrorClass(refusal.error_class)
        outcome = AttemptOutcome.LIMIT if error_class is ErrorClass.POISON else AttemptOutcome.FAILED
        trace, exceeded = refusal.traceback or None, refusal.exceeded
        return Problem(error_class, refusal.code, refusal.message, trace, exceeded=exceeded), outcome
    if isinstance(error, LimitHit):
        code, exceeded = f"limit_{error.exceeded.limit.split()[-1]}", error.exceeded.as_row()
        return Problem(ErrorClass.POISON, code, str(error), exceeded=exceeded), AttemptOutcome.LIMIT
    if isinstance(error, ProcessDied):
        return Problem(ErrorClass.POISON, "crashed", str(error)), AttemptOutcome.CRASHED
    if isinstance(error, AnswerGarbled):
        return Problem(ErrorClass.POISON, "answer_garbled", str(error)), AttemptOutcome.CRASHED
    if isinstance(error, ContentsDamaged):
        return Problem(ErrorClass.PERMANENT, "contents_damaged", str(error)), AttemptOutcome.FAILED
    # A mistake of ours, not of the document's; trying again would only make it again.
    message = f"unexpected {type(error).__name__}: {error}"
    trace = "".join(traceback.format_exception(error, limit=-30))
    return Problem(ErrorClass.PERMANENT, "unexpected", message, trace), AttemptOutcome.FAILED
