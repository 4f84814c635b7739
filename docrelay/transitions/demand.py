"""Adding a stage to a job that turned out to need it: most documents do not, and cost nothing for it."""

import uuid
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from docrelay.ids import new_id
from docrelay.transitions.claims import Claim

SPECIFIED = text(
    """
    select stage from pipelines, jsonb_array_elements(stages) stage
    where pipelines.name = :pipeline and stage ->> 'name' = :stage
    """
)

HELD = text(
    """
    select s.id, s.job_id, s.position, s.priority, s.collection,
           exists (select 1 from stage_runs n
                   where n.job_id = s.job_id and n.position > s.position and n.stage = :stage) as there
    from stage_runs s
    where s.id = :id and s.lease_token = :token and s.status = 'running'
    for update of s
    """
)

# In two steps, since positions are unique at every moment.
MAKE_ROOM = (
    text("update stage_runs set position = -position where job_id = :job_id and position > :position"),
    text("update stage_runs set position = 1 - position where job_id = :job_id and position < 0"),
)

INSERT = text(
    """
    insert into stage_runs (id, job_id, position, stage, queue, status, priority, collection,
                            after_outcome, seconds, silence, memory_mb)
    values (:id, :job_id, :position, :name, :queue, 'waiting', :priority, :collection,
            :after_outcome, :seconds, :silence, :memory_mb)
    """
)


def on_demand(connection: Connection, pipeline: str, stage: str) -> dict[str, Any] | None:
    """The stage as the pipeline has it, or None: then it cannot be demanded."""
    found: dict[str, Any] | None = connection.scalar(SPECIFIED, {"pipeline": pipeline, "stage": stage})
    return found


def demand(connection: Connection, held: Claim, stage: dict[str, Any]) -> None:
    """Put a stage next after the one that is held, unless it is there; before `succeed`, in its transaction.

    Does nothing when the lease is gone; `succeed` will say so.
    """
    mine: RowMapping | None = (
        connection.execute(HELD, {"id": held.stage_run_id, "token": held.token, "stage": stage["name"]})
        .mappings()
        .one_or_none()
    )
    if mine is None or mine["there"]:
        return
    job_id: uuid.UUID = mine["job_id"]
    for statement in MAKE_ROOM:
        connection.execute(statement, {"job_id": job_id, "position": mine["position"]})
    row = {key: stage[key] for key in ("name", "queue", "after_outcome", "seconds", "silence", "memory_mb")}
    of_job = {"job_id": job_id, "priority": mine["priority"], "collection": mine["collection"]}
    connection.execute(INSERT, {**row, **of_job, "id": new_id(), "position": mine["position"] + 1})
