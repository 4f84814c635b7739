"""`maintenance`: removes what nobody refers to, forgets old runs, and names what an operator should look at."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, delete, exists, func, select, text

from app.schedule.durations import Duration
from app.schedule.recurring import Run, recurring
from config.settings import settings
from docrelay import contents, vectors
from docrelay.names import SCHEDULE_COLLECTION, DeliveryStatus
from docrelay.tables import Content, Delivery, Document, Job, ScheduleRun

MOST = 1_000


class Maintenance(BaseModel):
    """What `maintenance` may be told."""

    model_config = ConfigDict(extra="forbid")

    bytes_after: Duration = timedelta(hours=1)
    """Bytes without a document are kept for so long: their submission may still be under way."""

    vectors_after: Duration = timedelta(days=1)
    """Vectors without a document, too: they are written slice by slice, before their document's chunks."""

    runs_after: Duration = timedelta(days=90)
    """Runs of the schedule, and their jobs, are forgotten after so long."""

    notifications_after: Duration = timedelta(days=90)
    """Notifications of no job (alerts, batches, digests), too; those of a job go with it."""


@recurring("maintenance", Maintenance)
def maintenance(run: Run, arguments: Maintenance) -> dict[str, Any]:
    """Tidy up; in a rehearsal, count only."""
    report: dict[str, Any] = {
        "orphan_bytes": _contents(run, arguments.bytes_after),
        "orphan_vectors": _vectors(run, arguments.vectors_after),
        "runs_forgotten": _runs(run, arguments.runs_after),
        "notifications_forgotten": _notifications(run, arguments.notifications_after),
        "overdue_leases": run.read(_overdue),
    }
    hints = run.read(_vacuum_hints)
    return report | ({"vacuum": hints} if hints else {})


def _contents(run: Run, after: timedelta) -> int:
    old = Content.created_at < func.now() - after
    unused = select(Content.sha256).where(old, ~exists().where(Document.sha256 == Content.sha256))
    if run.rehearsal:
        return int(run.read(lambda c: c.scalar(select(func.count()).select_from(unused.subquery()))))
    removed = 0
    while found := run.read(lambda c: c.scalars(unused.limit(MOST)).all()):
        for sha256 in found:
            # Each in a transaction of its own: one that fails must not take back the rows of objects that are gone.
            run.write(partial(contents.drop_unused, sha256=sha256, storage_url=settings().storage_url))
        removed += len(found)
        run.progress(removed, removed, "contents")
    return removed


def _vectors(run: Run, after: timedelta) -> int:
    age = f"{after.total_seconds()} seconds"
    if run.rehearsal:
        return int(run.read(lambda c: vectors.count_old(c, age=age)))
    return _all(run, lambda c: vectors.drop_old(c, age=age, most=MOST))


def _runs(run: Run, after: timedelta) -> int:
    """Old runs with their jobs; an entry's document stays, and so do runs whose outcome is not known."""
    old = select(ScheduleRun.id, ScheduleRun.job_id).where(
        ScheduleRun.due_at < func.now() - after, ScheduleRun.outcome.is_not(None), ScheduleRun.id != run.order.id
    )
    if run.rehearsal:
        return int(run.read(lambda c: c.scalar(select(func.count()).select_from(old.subquery()))))
    removed = 0
    while found := run.read(lambda c: c.execute(old.limit(MOST)).all()):
        run_ids = [row.id for row in found]
        job_ids = [row.job_id for row in found if row.job_id]
        run.write(partial(_forget, run_ids=run_ids, job_ids=job_ids))
        removed += len(found)
    return removed


def _forget(connection: Connection, run_ids: list[uuid.UUID], job_ids: list[uuid.UUID]) -> None:
    connection.execute(delete(ScheduleRun).where(ScheduleRun.id.in_(run_ids)))
    documents = connection.scalars(
        delete(Job).where(Job.id.in_(job_ids), Job.collection == SCHEDULE_COLLECTION).returning(Job.document_id)
    ).all()
    alone = ~exists().where(Job.document_id == Document.id)
    connection.execute(delete(Document).where(Document.id.in_(documents), alone))


def _notifications(run: Run, after: timedelta) -> int:
    old = select(Delivery.id).where(
        Delivery.job_id.is_(None), Delivery.created_at < func.now() - after, Delivery.status != DeliveryStatus.PENDING
    )
    if run.rehearsal:
        return int(run.read(lambda c: c.scalar(select(func.count()).select_from(old.subquery()))))
    some = delete(Delivery).where(Delivery.id.in_(old.limit(MOST)))
    return _all(run, lambda c: c.execute(some).rowcount)


def _all(run: Run, step: Callable[[Connection], int]) -> int:
    """Repeat a step that removes at most `MOST`, until it finds fewer; how many went."""
    removed = 0
    while True:
        count: int = run.write(step)
        removed += count
        if count < MOST:
            return removed


def _overdue(connection: Connection) -> int:
    """Leases that ran out and were not taken back: nobody sweeps."""
    statement = text(
        "select count(*) from stage_runs where status = 'running' and lease_until < now() - interval '1 minute'"
    )
    return int(connection.scalar(statement) or 0)


HINTS = text(
    """
    select relname as table, n_live_tup as live, n_dead_tup as dead,
           coalesce(last_autovacuum, last_vacuum)::text as vacuumed
    from pg_stat_user_tables
    where n_dead_tup > 10000 and n_dead_tup > 0.3 * n_live_tup order by n_dead_tup desc
    """
)


def _vacuum_hints(connection: Connection) -> list[dict[str, Any]]:
    """Tables that autovacuum does not keep up with."""
    return [dict(row) for row in connection.execute(HINTS).mappings()]
