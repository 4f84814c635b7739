"""Ending a whole job: its outcome, its other stages, its notifications, whoever waited behind it."""

import uuid
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from docrelay.names import GOOD, INCOMPLETE, REEMBED, Channel, JobStatus
from docrelay.statements import Statement
from docrelay.transitions.deliveries import SUBSCRIBED, send_directly, write
from docrelay.transitions.hints import tell
from docrelay.transitions.removal import remove_document

FINISH = Statement(
    """
    with ended as (
        update jobs set status = :status, finished_at = now(), error = cast(:error as jsonb)
        where id = :id and status in ('queued', 'running')
        returning id, document_id, collection, pipeline, name, notify, replaces, created_at
    ), skipped as (
        update stage_runs s set status = :others, finished_at = now()
        from ended where s.job_id = ended.id and s.status in ('waiting', 'ready') and not s.after_outcome
    ), told as (
        insert into events (job_id, kind, who, detail)
        select id, 'job ' || :status, :who, coalesce(cast(:error as jsonb), '{}'::jsonb) - 'traceback' from ended
    )
    -- Nobody submitted a re-embedding: whoever wants to hear of all jobs hears of it only if it fails.
    select *, case when pipeline = 'REEMBED' and :status in ('succeeded', 'partial', 'no_text') then array[]::text[]
              else array(SUBSCRIBED) end as subscribed from ended
    """.replace("REEMBED", REEMBED).replace(
        "SUBSCRIBED", SUBSCRIBED.format(event="('job.' || :status)", collection="ended.collection")
    )
)

MOST_PAGES = 20
"""Of the pages that could not be read, a notification names so many."""

EXPLAIN = text(
    """
    update deliveries
    set payload = jsonb_set(payload, '{data,pages}', jsonb_path_query_array(d.problems, '$[0 to $last]', :most))
    from jobs j join documents d on d.id = j.document_id
    where deliveries.job_id = :id and j.id = :id and deliveries.event in ('job.partial', 'job.no_text')
      and deliveries.status = 'pending' and deliveries.tries = 0 and d.problems <> '[]'
    """
).bindparams(bindparam("most", {"last": MOST_PAGES - 1}, type_=JSONB))

OPEN_AFTER_OUTCOME = Statement(
    """
    with opened as (
        update stage_runs
        set status = case when :any then 'ready' else 'skipped' end, ready_at = now(), due_at = now(),
            finished_at = case when :any then null else now() end
        where job_id = :id and after_outcome and status = 'waiting'
        returning queue, status
    )
    select queue, status from opened
    """
)

LOCK_DOCUMENT = Statement("select 1 from documents where id = :document_id for no key update")

FREE_NEXT = Statement(
    """
    with busy as (
        select 1 from jobs j join stage_runs s on s.job_id = j.id
        where j.document_id = :document_id and j.status in ('queued', 'running')
          and s.status in ('ready', 'running') and not s.after_outcome
        limit 1
    ), next as (
        select id from jobs
        where document_id = :document_id and status = 'queued' and not exists (select 1 from busy)
          and (not_before is null or not_before <= now())
        order by id limit 1
    ), first as (
        -- Held by a cancellation or a retry of that job, which waits for the document's lock: it comes here after us.
        select s.id from stage_runs s join next on s.job_id = next.id
        where s.status = 'waiting' order by s.position limit 1
        for update of s skip locked
    ), opened as (
        update stage_runs s set status = 'ready', ready_at = now(), due_at = now()
        from first where s.id = first.id
        returning queue
    )
    select queue from opened
    """
)

REPLACED = text("select id from documents where id = :id and collection = :collection")


def finish_job(
    connection: Connection,
    job_id: uuid.UUID,
    status: JobStatus,
    *,
    who: str,
    error: dict[str, Any] | None = None,
) -> bool:
    """Give the job its outcome, once; False if it had one already."""
    others = "cancelled" if status is JobStatus.CANCELLED else "skipped"
    kept = None if error is None else Jsonb(error)
    row = FINISH.first(connection, {"id": job_id, "status": status, "error": kept, "who": who, "others": others})
    if row is None:
        return False
    tell(connection, Channel.JOB, str(job_id))
    told = [*row["notify"], *row["subscribed"]]
    announce_outcome(
        connection, job_id, status, name=row["name"], collection=row["collection"], notify=told, error=error
    )
    if status in INCOMPLETE and told:
        explain_outcome(connection, job_id)
    if row["replaces"] and status in GOOD:
        remove_replaced(connection, row["replaces"], row["collection"])
    free_next(connection, row["document_id"])
    return True


def explain_outcome(connection: Connection, job_id: uuid.UUID) -> None:
    """Let notifications that are still to be sent name the pages that could not be read, with why."""
    connection.execute(EXPLAIN, {"id": job_id})


def remove_replaced(connection: Connection, document_id: uuid.UUID, collection: str) -> None:
    """Remove the document that a new one of the same collection has taken the place of."""
    if connection.scalar(REPLACED, {"id": document_id, "collection": collection}) is not None:
        remove_document(connection, document_id)


def announce_outcome(
    connection: Connection,
    job_id: uuid.UUID,
    status: JobStatus,
    *,
    name: str,
    collection: str,
    notify: list[str],
    error: dict[str, Any] | None = None,
) -> None:
    """Write the notifications of a job's outcome and open the stage that sends them."""
    data: dict[str, Any] = {
        "job_id": str(job_id),
        "status": str(status),
        "document": name,
        "collection": collection,
    }
    if error:
        data["error"] = {key: error[key] for key in ("stage", "class", "code", "message")}
    written = write(connection, dict.fromkeys(notify), f"job.{status}", data, job_id=job_id)
    opened = OPEN_AFTER_OUTCOME.all(connection, {"id": job_id, "any": bool(notify)})
    for row in opened:
        if row["status"] == "ready":
            tell(connection, Channel.READY, row["queue"])
    if written and not opened:
        send_directly(connection, job_id)


def free_next(connection: Connection, document_id: uuid.UUID) -> bool:
    """Let the oldest waiting job of a document start, if none is under way; whether one did.

    The document's row is locked first, in a statement of its own, as `create` does: a submission at
    this very moment either sees this job ended, or is seen here.
    """
    LOCK_DOCUMENT.first(connection, {"document_id": document_id})
    row = FREE_NEXT.first(connection, {"document_id": document_id})
    if row is None:
        return False
    tell(connection, Channel.READY, row["queue"])
    return True
