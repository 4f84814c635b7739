"""`pipeline`: an entry with `pipeline = …` runs it over the documents of a collection that have not been through it."""

import uuid
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select, text

from app.schedule.entries import PIPELINE_TASK
from app.schedule.recurring import Run, recurring, refused
from docrelay.names import RECUR_PIPELINE, REEMBED, SCHEDULE_COLLECTION
from docrelay.tables import Pipeline
from docrelay.transitions import NewJob, Plan, create
from tasks.recurring.choosing import like

PAGE = 100


class OverCollection(BaseModel):
    """The arguments of an entry with a pipeline."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pipeline: str
    collection: Annotated[str, Field(min_length=1)]
    """A name, or a pattern with `*` and `?`."""

    priority: Annotated[int, Field(ge=1, le=10)] = 3
    most: Annotated[int, Field(ge=1)] = 100_000
    """Jobs that one run makes."""


# Locked: see the order of locks in `docrelay.transitions`.
CHOSEN = """
    from documents d
    where d.collection like :like and d.collection <> :ours and d.id > :after
      and not exists (
        select 1 from jobs j where j.document_id = d.id and j.pipeline = :pipeline and j.fingerprint = :fingerprint
          and j.status in ('queued', 'running', 'succeeded', 'partial', 'no_text', 'failed', 'quarantined'))
"""
PICK = text(f"select d.id, d.name, d.collection {CHOSEN} order by d.id limit :most for no key update of d")
COUNT = text(f"select count(*) {CHOSEN}")


@recurring(PIPELINE_TASK, OverCollection)
def over_collection(run: Run, wanted: OverCollection) -> dict[str, Any]:
    """Make the jobs; in a rehearsal, count them. What the same version of the pipeline has worked before is left."""
    columns = select(Pipeline.stages, Pipeline.fingerprint).where(Pipeline.name == wanted.pipeline)
    pipeline = run.read(lambda connection: connection.execute(columns).one_or_none())
    if pipeline is None or wanted.pipeline in (RECUR_PIPELINE, REEMBED):
        raise refused("no_pipeline", f"there is no pipeline {wanted.pipeline!r} for documents")
    values = {
        "like": like(wanted.collection),
        "ours": SCHEDULE_COLLECTION,
        "pipeline": wanted.pipeline,
        "fingerprint": pipeline.fingerprint,
    }
    if run.rehearsal:
        count = run.read(lambda c: c.scalar(COUNT, {**values, "after": uuid.UUID(int=0)}))
        return {"to_work": min(count, wanted.most)}
    made, after = 0, uuid.UUID(int=0)
    while made < wanted.most:
        values |= {"after": after, "most": min(PAGE, wanted.most - made)}
        last = run.write(partial(_make, run=run, wanted=wanted, pipeline=pipeline, values=values))
        if not last:
            break
        made, after = made + len(last), last[-1]
        run.progress(made, made, "jobs")
    return {"jobs": made}


def _make(
    connection: Connection, run: Run, wanted: OverCollection, pipeline: Any, values: dict[str, Any]
) -> Sequence[uuid.UUID]:
    rows = connection.execute(PICK, values).all()
    for collection in sorted({row.collection for row in rows}):
        plan = Plan(
            collection=collection,
            pipeline=wanted.pipeline,
            fingerprint=pipeline.fingerprint,
            stages=[stage for stage in pipeline.stages if not stage.get("on_demand")],
            priority=wanted.priority,
            who=f"schedule {run.order.entry}",
        )
        jobs = [NewJob(row.id, row.name) for row in rows if row.collection == collection]
        run.made(connection, create(connection, plan, jobs))
    return [row.id for row in rows]
