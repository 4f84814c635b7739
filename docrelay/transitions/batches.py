"""What one `submit_many` submitted: opened with its jobs, closed when all of them have their outcome."""

import uuid
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import insert

from docrelay.names import GOOD
from docrelay.tables import Batch
from docrelay.transitions.deliveries import notify_service

MOST_NAMED = 20
"""Of the jobs that did not succeed, the notification names so many."""

MOST_AT_ONCE = 50


def open_batch(connection: Connection, batch: Batch) -> None:
    """Write it, in the transaction that makes its jobs."""
    values = {"id": batch.id, "collection": batch.collection, "total": batch.total, "notify": batch.notify}
    connection.execute(insert(Batch).values(**values).on_conflict_do_nothing())


# Closing a job does not look: the last two of a batch would have to wait for each other, and every other as well.
CLOSE = text(
    """
    with over as (
        select id from batches b
        where finished_at is null and not exists (
            select 1 from jobs where batch_id = b.id and status in ('queued', 'running'))
        order by id limit :most for update skip locked
    )
    update batches set finished_at = now() from over where batches.id = over.id
    returning batches.id, batches.collection, batches.notify
    """
)
COUNT = text("select status, count(*) as jobs from jobs where batch_id = :id group by status order by status")
BAD = text(
    """
    select id, name, status, error ->> 'message' as message from jobs
    where batch_id = :id and status <> all(:good) order by id limit :most
    """
)


def close_batches(connection: Connection) -> list[uuid.UUID]:
    """Close those whose jobs are all over, and tell those who wait; which ones. The sweep asks for it."""
    closed = connection.execute(CLOSE, {"most": MOST_AT_ONCE}).all()
    for row in closed:
        notify_service(
            connection,
            "batch.finished",
            _data(connection, row),
            collection=row.collection,
            line=f"batch {row.id}",
            targets=row.notify,
        )
    return [row.id for row in closed]


def _data(connection: Connection, row: Any) -> dict[str, Any]:
    counts = {each.status: each.jobs for each in connection.execute(COUNT, {"id": row.id})}
    bad = connection.execute(BAD, {"id": row.id, "good": [str(status) for status in GOOD], "most": MOST_NAMED})
    total, good = sum(counts.values()), sum(counts.get(status, 0) for status in GOOD)
    return {
        "message": f"All {total} documents submitted together to {row.collection} are through",
        "batch_id": str(row.id),
        "collection": row.collection,
        "total": total,
        "good": good,
        "bad": total - good,
        "counts": counts,
        "failed": [
            {"job_id": str(job.id), "document": job.name, "status": job.status, "message": job.message} for job in bad
        ],
    }
