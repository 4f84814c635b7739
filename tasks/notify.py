"""The notify stage: sends the notifications that were written with the job's outcome."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from time import monotonic

from celery import Task
from sqlalchemy import Connection, RowMapping, text

from app.celery import app
from app.work import StageFailed, Work, run_stage
from docrelay.transitions import deliveries
from tasks.sending import send

MOST_AT_ONCE = 8
"""Targets of one job; more wait for these."""

SOONEST_SECONDS = 0.1
LONGEST_LINE_SECONDS = 60.0
"""After so long a line goes on with the stage's next attempt: its limit is for all of them."""


@app.task(name="docrelay.notify", bind=True, throws=(StageFailed,))
def notify(self: Task, stage_run_id: str) -> str:
    """Send the notifications of a job."""
    return run_stage(stage_run_id, self.request.id, send_notifications)


def send_notifications(work: Work) -> None:
    """Send what is due, each target's in order; come back for what could not be delivered, until it is given up."""
    work.unit = "deliveries"
    pending = work.read(lambda connection: deliveries.pending_of_job(connection, work.claim.job_id))
    lines = [list(rows) for _, rows in groupby(sorted(pending, key=_target), key=_target)]
    if lines:
        # Side by side: a target that hangs must not hold up the others of the same job.
        with ThreadPoolExecutor(min(MOST_AT_ONCE, len(lines)), thread_name_prefix="notify") as pool:
            list(pool.map(lambda rows: _send_line(work, rows), lines))
    work.check()
    wait, because, delivered, failed = work.read(lambda connection: _left(connection, work))
    if wait is not None:
        work.postpone(max(SOONEST_SECONDS, wait), because)
        return
    work.succeed(lambda _: None, {"delivered": delivered, "failed": failed})


def _target(row: RowMapping) -> str:
    return str(row["target"])


def _send_line(work: Work, rows: Sequence[RowMapping]) -> None:
    """One target's notifications, oldest first, until one has to wait: none overtakes another."""
    begun = monotonic()
    for row in rows:
        if not row["due"] or monotonic() - begun > LONGEST_LINE_SECONDS:
            return
        work.check()
        if not send(row, work.claim.worker):
            return


LEFT = text(
    """
    select (select extract(epoch from min(due_at) - now()) from (
                select distinct on (target) due_at from deliveries
                where job_id = :job_id and status = 'pending' and not direct
                order by target, created_at, id) heads) as wait,
           (select error from deliveries
            where job_id = :job_id and status = 'pending' and not direct order by due_at limit 1) as because,
           count(*) filter (where status = 'delivered') as delivered,
           count(*) filter (where status = 'failed') as failed
    from deliveries where job_id = :job_id
    """
)


def _left(connection: Connection, work: Work) -> tuple[float | None, str, int, int]:
    """Seconds until the next try is due (None: nothing is pending), why, how many were delivered, how many failed."""
    row = connection.execute(LEFT, {"job_id": work.claim.job_id}).one()
    return (None if row.wait is None else float(row.wait)), row.because or "", row.delivered, row.failed
