"""Why is it not running? One sentence for each job that has no outcome yet."""

import uuid
from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID

ALIVE_SECONDS = 30
"""A process that has not said for so long that it is alive does not count."""

MOST_COUNTED = 1000
"""Nobody waits more patiently for knowing it exactly, and a page of jobs would count a long queue for each."""

STATE = text(
    f"""
    select j.id, s.stage, s.queue, s.status, s.worker, s.attempt, s.failures, s.error,
           round(extract(epoch from s.due_at - now())) as due_in,
           round(extract(epoch from now() - s.announced_at)) as announced_ago,
           (select count(*) from (
                select 1 from stage_runs o
                where o.queue = s.queue and o.status = 'ready' and o.due_at <= now()
                  and o.announced_at is null and s.announced_at is null
                  and (o.priority, s.ready_at) > (s.priority, o.ready_at)
                limit {MOST_COUNTED}) earlier) as ahead,
           exists (select 1 from processes p where p.role = 'worker' and p.queue = s.queue
                   and p.beat_at > now() - interval '{ALIVE_SECONDS} seconds') as consumed,
           exists (select 1 from processes p where p.role = 'dispatcher'
                   and p.beat_at > now() - interval '{ALIVE_SECONDS} seconds') as dispatched
    from jobs j
    left join lateral (
        select * from stage_runs where job_id = j.id and status in ('ready', 'running')
        order by position limit 1) s on true
    where j.id = any(:ids)
    """  # noqa: S608 - a constant of ours
).bindparams(bindparam("ids", type_=ARRAY(UUID)))


def reasons(connection: Connection, job_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """For each of these unfinished jobs, what it waits for."""
    if not job_ids:
        return {}
    rows = connection.execute(STATE, {"ids": list(job_ids)}).mappings()
    return {row["id"]: _reason(row) for row in rows}


def _reason(row: RowMapping) -> str:
    if row["stage"] is None:
        return "waits for an earlier job of the same document"
    if row["status"] == "running":
        return f"{row['stage']} runs on {row['worker']}"
    if row["due_in"] > 0:
        error = (row["error"] or {}).get("message", "")
        because = f", because {error}" if error else ""
        return f"{row['stage']} is tried again in {row['due_in']:.0f} s (try {row['failures'] + 1}){because}"
    if not row["consumed"]:
        return f"no worker consumes the queue {row['queue']}; start one"
    if row["announced_ago"] is not None:
        return f"{row['stage']} was announced {row['announced_ago']:.0f} s ago; its workers are busy"
    if not row["dispatched"]:
        return "no dispatcher runs; start `python -m app dispatch`"
    if not row["ahead"]:
        return f"{row['stage']} is next to be announced"
    others = {1: "1 other", MOST_COUNTED: f"{MOST_COUNTED} others or more"}.get(row["ahead"], f"{row['ahead']} others")
    return f"{row['stage']} waits behind {others}"
