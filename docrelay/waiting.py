"""Why is it not running? One sentence for each job that has no outcome yet, its place in the queue, and how long."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID

ALIVE_SECONDS = 30
"""A process that has not said for so long that it is alive does not count."""

SILENT_SECONDS = 15
"""A worker says so every 5 s: one that has missed it three times may be dead, and what it works on is not just slow."""

READY_STAGES = """(
    select * from stage_runs where status = 'ready' and announced_at is null
    union all
    select * from stage_runs where status = 'ready' and announced_at is not null) ready"""
"""SQL for all of them, in two halves, as they are indexed: else Postgres reads the stages of all jobs ever."""

MOST_COUNTED = 1000
"""Nobody waits more patiently for knowing it exactly, and a page of jobs would count a long queue for each."""

STATE = text(
    f"""
    with wanted as (
        select j.id, j.not_before, extract(epoch from j.not_before - now()) as held_for,
               s.stage, s.queue, s.status, s.worker, s.attempt, s.failures, s.error, s.priority, s.ready_at,
               s.announced_at, round(extract(epoch from s.due_at - now())) as due_in,
               round(extract(epoch from now() - s.announced_at)) as announced_ago
        from jobs j
        left join lateral (
            select * from stage_runs where job_id = j.id and status in ('ready', 'running')
            order by position limit 1) s on true
        where j.id = any(:ids)
    ), place as materialized (
        -- Counted once for all that were submitted together.
        select s.*,
           (select count(*) from (
                select 1 from stage_runs o
                where o.queue = s.queue and o.status = 'ready' and o.due_at <= now()
                  and o.announced_at is null and s.announced_at is null
                  and (o.priority, s.ready_at) > (s.priority, o.ready_at)
                limit {MOST_COUNTED}) earlier) as unannounced_ahead,
           (select count(*) from (
                select 1 from stage_runs o
                where o.queue = s.queue and o.status = 'ready'
                  and o.announced_at < coalesce(s.announced_at, 'infinity')
                limit {MOST_COUNTED}) earlier) as announced_ahead
        from (select distinct queue, priority, ready_at, announced_at from wanted where status = 'ready') s
    )
    select w.id, w.not_before, w.held_for,
           w.stage, w.queue, w.status, w.worker, w.attempt, w.failures, w.error, w.due_in, w.announced_ago,
           coalesce(place.unannounced_ahead, 0) as unannounced_ahead,
           coalesce(place.announced_ahead, 0) as announced_ahead,
           (select cast(coalesce(sum(p.slots), 0) as int) from processes p where p.role = 'worker' and p.queue = w.queue
                   and p.beat_at > now() - interval '{ALIVE_SECONDS} seconds') as slots,
           (select round(extract(epoch from now() - max(p.beat_at))) from processes p where p.role = 'worker'
                   and w.status = 'running' and w.worker = 'worker@' || p.host || ':' || p.pid) as silent,
           exists (select 1 from processes p where p.role = 'dispatcher'
                   and p.beat_at > now() - interval '{ALIVE_SECONDS} seconds') as dispatched
    from wanted w
    left join place on w.status = 'ready' and place.queue = w.queue and place.priority = w.priority
      and place.ready_at = w.ready_at and place.announced_at is not distinct from w.announced_at
    """  # noqa: S608 - a constant of ours
).bindparams(bindparam("ids", type_=ARRAY(UUID)))


FEWEST_RUNS = 5
"""From fewer than so many recent runs nothing is foretold."""

RECENT_EVENTS = 2000
RUN_SECONDS = text(
    f"""
    select s.queue, avg(s.ran_seconds) as seconds, count(*) as runs
    from (select job_id, stage, kind from events order by id desc limit {RECENT_EVENTS}) e
    cross join lateral (
        -- The first of one: for a plain join the planner would read all stages for each event while statistics are old.
        select queue, ran_seconds from stage_runs
        where job_id = e.job_id and stage = e.stage and status = 'succeeded' order by position limit 1) s
    where e.kind = 'succeeded' and s.queue = any(:queues)
    group by s.queue
    """  # noqa: S608 - a constant of ours
)
"""The newest events are few and at the end of an index, however long the tables are. The mean, not the median: a few
long documents hold up the queue as much as they hold it up."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a job waits for; how many go before it, and about when it starts, where that can be said."""

    because: str
    ahead: int | None = None
    starts_in: float | None = None


def waiting(connection: Connection, job_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Waiting]:
    """For each of these unfinished jobs, what it waits for."""
    if not job_ids:
        return {}
    rows = connection.execute(STATE, {"ids": list(job_ids)}).mappings().all()
    queues = {row["queue"] for row in rows if _in_queue(row)}
    seconds = _run_seconds(connection, list(queues)) if queues else {}
    return {row["id"]: _waiting(row, seconds) for row in rows}


def _run_seconds(connection: Connection, queues: list[str]) -> dict[str, float]:
    """How long a stage of each of these queues ran lately."""
    rows = connection.execute(RUN_SECONDS, {"queues": queues})
    return {row.queue: row.seconds for row in rows if row.runs >= FEWEST_RUNS}


def _in_queue(row: RowMapping) -> bool:
    return bool(row["status"] == "ready" and row["due_in"] <= 0 and row["slots"])


def _waiting(row: RowMapping, seconds: Mapping[str, float]) -> Waiting:
    because = _reason(row)
    if not _in_queue(row):
        return Waiting(because)
    ahead = row["unannounced_ahead"] + row["announced_ahead"]
    if row["queue"] not in seconds or not row["dispatched"] or ahead >= MOST_COUNTED:
        return Waiting(because, ahead)
    # What runs now is half done, on average; this one needs a slot, not an end.
    starts_in = (ahead + 0.5) * seconds[row["queue"]] / row["slots"]
    return Waiting(f"{because}; starts in about {_about(starts_in)}", ahead, starts_in)


def _about(seconds: float) -> str:
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 100 * 60 else f"{round(seconds / 3600)} h"


def _running(row: RowMapping) -> str:
    runs = f"{row['stage']} runs on {row['worker']}"
    if row["silent"] is None or row["silent"] < SILENT_SECONDS:
        return runs
    return (
        f"{runs}, which has given no sign of life for {row['silent']:.0f} s; when its lease is over, another takes it"
    )


def _reason(row: RowMapping) -> str:
    if row["stage"] is None and (row["held_for"] or 0) > 0:
        return f"is held until {row['not_before']:%Y-%m-%d %H:%M:%S} UTC, for another {_about(float(row['held_for']))}"
    if row["stage"] is None:
        return "waits for an earlier job of the same document"
    if row["status"] == "running":
        return _running(row)
    if row["due_in"] > 0:
        return _next_try(row)
    if not row["slots"]:
        return f"no worker consumes the queue {row['queue']}; start one"
    if row["announced_ago"] is not None:
        return f"{row['stage']} was announced {row['announced_ago']:.0f} s ago; its workers are busy"
    if not row["dispatched"]:
        return "no dispatcher runs; start `python -m app dispatch`"
    ahead = min(MOST_COUNTED, row["unannounced_ahead"] + row["announced_ahead"])
    if not ahead:
        return f"{row['stage']} is next to be announced"
    others = {1: "1 other", MOST_COUNTED: f"{MOST_COUNTED} others or more"}.get(ahead, f"{ahead} others")
    return f"{row['stage']} waits behind {others}"


def _next_try(row: RowMapping) -> str:
    error = row["error"] or {}
    if not error:
        return f"{row['stage']} is tried again in {row['due_in']:.0f} s"
    which = f"try {error['tried'] + 1} of {error['allowed']}" if "tried" in error else f"try {row['failures'] + 1}"
    return f"{row['stage']} is tried again in {row['due_in']:.0f} s ({which}), because {error['message']}"
