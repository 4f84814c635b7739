"""Making the job of a run, so that what the schedule fires is as safe as any other job.

The job is of the pipeline `recur`, over a document that only names the entry. So leases, retries, limits, cancellation,
history and notifications are those of every job, and runs of one entry wait for each other as jobs of one document do.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from app.schedule import ledger
from app.schedule.entries import Entry
from app.schedule.times import start_of
from docrelay import contents
from docrelay.errors import ConfigError
from docrelay.ids import new_id
from docrelay.names import RECUR_PIPELINE, RECUR_STAGE, SCHEDULE_COLLECTION, RunKind
from docrelay.sources import measure
from docrelay.tables import Document, Pipeline
from docrelay.transitions import NewJob, Plan, create


def send(connection: Connection, name: str, entry: Entry, *, due: datetime, who: str, caught_up: bool = False) -> bool:
    """Send the run of a due time, once; False: it was sent, or decided otherwise, before."""
    run_id = ledger.open_run(connection, name, entry, kind=RunKind.SCHEDULE, due=due, caught_up=caught_up, who=who)
    if run_id is None:
        return False
    _make_job(connection, run_id, name, entry, who=who, not_before=start_of(name, entry, due))
    return True


def send_now(
    connection: Connection, name: str, entry: Entry, *, kind: RunKind, who: str
) -> tuple[uuid.UUID, uuid.UUID]:
    """Run an entry because somebody asks for it; the ids of the run and of its job."""
    now = connection.scalars(select(func.clock_timestamp())).one()
    run_id = ledger.open_run(connection, name, entry, kind=kind, due=now, caught_up=False, who=who)
    assert run_id is not None
    quiet = entry if kind is not RunKind.REHEARSAL else entry.model_copy(update={"notify": []})
    return run_id, _make_job(connection, run_id, name, quiet, who=who, apart=kind is RunKind.REHEARSAL)


def _make_job(
    connection: Connection,
    run_id: uuid.UUID,
    name: str,
    entry: Entry,
    *,
    who: str,
    not_before: datetime | None = None,
    apart: bool = False,
) -> uuid.UUID:
    alone = apart or entry.overlap == "allow"
    plan = Plan(
        collection=SCHEDULE_COLLECTION,
        pipeline=RECUR_PIPELINE,
        fingerprint=f"run {run_id}",  # no two runs are the same work
        stages=_stages(connection, entry),
        notify=list(entry.notify),
        not_before=not_before,
        who=who,
    )
    (job_id,) = create(connection, plan, [NewJob(_document(connection, name, run_id if alone else None), name)])
    ledger.sent(connection, run_id, job_id)
    return job_id


def _document(connection: Connection, name: str, run_id: uuid.UUID | None) -> uuid.UUID:
    """The document that stands for an entry, or for one run that others must not wait for; locked until commit."""
    source = measure(f"{name}\n{run_id or ''}".encode(), name)
    contents.keep(connection, [source], storage_url="")  # a line of text is no matter for an object store
    row = upsert(Document).values(
        id=new_id(), collection=SCHEDULE_COLLECTION, sha256=source.sha256, name=name, size=source.size
    )
    statement = row.on_conflict_do_update(index_elements=["collection", "sha256"], set_={"updated_at": func.now()})
    document_id: uuid.UUID = connection.execute(statement.returning(Document.id)).scalar_one()
    return document_id


def _stages(connection: Connection, entry: Entry) -> list[dict[str, Any]]:
    stages = connection.scalar(select(Pipeline.stages).where(Pipeline.name == RECUR_PIPELINE))
    if stages is None:
        raise ConfigError(f"the pipeline {RECUR_PIPELINE} is unknown to the database; run `python -m app migrate`")
    seconds = round(entry.limit.total_seconds())
    limited = {"seconds": seconds, "silence": seconds}
    return [{**stage, **limited} if stage["name"] == RECUR_STAGE else stage for stage in stages]
