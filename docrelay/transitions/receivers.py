"""A circuit breaker for each target: one that fails is left alone for a while, and no other waits for it."""

import random

from sqlalchemy import Connection, text

TRIES_IN_A_ROW = 5
FIRST_SECONDS = 5.0
LONGEST_SECONDS = 300.0
PROBE_SECONDS = 15.0
"""One sender tries first, and has so long before another may: longer than a try takes."""

SPREAD = 0.2
"""What waited for a target comes back over this part of the pause, not all at once."""

GATE = text(
    """
    with probe as (
        update receivers set rests_until = now() + cast(:probe as float8) * interval '1 second'
        where target = :target and rests_until <= now()
        returning target
    )
    select greatest(0, extract(epoch from rests_until - now())) as seconds, error from receivers
    where target = :target and rests_until > now() and not exists (select 1 from probe)
    """
)


def gate(connection: Connection, target: str) -> tuple[float, str] | None:
    """None: send. Else for how many seconds the target is left alone, and why.

    When the time is over, the first who asks may try; the others wait for how that goes.
    """
    row = connection.execute(GATE, {"target": target, "probe": PROBE_SECONDS}).one_or_none()
    return None if row is None else (float(row.seconds), row.error or "it failed")


ANSWERED = text(
    """
    update receivers set failures = 0, rests_until = null, answered_at = now()
    where target = :target and (failures > 0 or rests_until is not null)
    """
)


def answered(connection: Connection, target: str) -> None:
    """It takes messages."""
    connection.execute(ANSWERED, {"target": target})


FAILED = text(
    """
    insert into receivers as r (target, failures, error, failed_at) values (:target, 1, :error, now())
    on conflict (target) do update set failures = r.failures + 1, error = excluded.error, failed_at = now()
    returning failures
    """
)
LEAVE_ALONE = text(
    "update receivers set rests_until = now() + cast(:seconds as float8) * interval '1 second' where target = :target"
)

# Only what nobody has announced: a message that is under way finds its stage as it was announced.
PUT_OFF = text(
    """
    with later as (
        update deliveries
        set due_at = now() + (cast(:seconds as float8) + random() * cast(:spread as float8)) * interval '1 second',
            error = :because
        where id in (
            select id from deliveries
            where target = :target and status = 'pending'
              and due_at < now() + cast(:seconds as float8) * interval '1 second'
            for update skip locked)
        returning job_id, due_at
    )
    update stage_runs s set due_at = later.due_at
    from later
    where s.id in (
        select id from stage_runs
        where job_id in (select job_id from later) and after_outcome and status = 'ready' and announced_at is null
        for update skip locked)
      and s.job_id = later.job_id
      and not exists (select 1 from deliveries other
                      where other.job_id = s.job_id and other.status = 'pending' and other.target <> :target)
    """
)


def failed(connection: Connection, target: str, error: str, *, alone: float | None = None) -> float:
    """It did not take a message; for how many seconds everybody leaves it alone (0: nobody does yet).

    After TRIES_IN_A_ROW failures in a row it is left alone for 5, 10, 20 … 300 s, or as long as it asked for (`alone`).
    """
    failures = connection.execute(FAILED, {"target": target, "error": error}).scalar_one()
    seconds = min(alone or 0.0, LONGEST_SECONDS)
    if failures >= TRIES_IN_A_ROW:
        pause = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(20, failures - TRIES_IN_A_ROW))
        seconds = max(seconds, pause * random.uniform(0.75, 1.0))  # noqa: S311 - spreads tries, guards nothing
    if seconds:
        # What waits for it would else be announced, claimed and put off one by one, before what goes elsewhere.
        because = f"left alone for {seconds:.0f} s: {error}"
        spread = {"seconds": seconds, "spread": seconds * SPREAD, "because": because, "target": target}
        connection.execute(LEAVE_ALONE, {"target": target, "seconds": seconds})
        connection.execute(PUT_OFF, spread)
    return seconds
