"""Notifications: written with what they tell of, noted at every try, sent again when somebody asks.

    delivery: pending ─┬► delivered
                ▲      └► failed      410, an address that is not allowed, or its day is over
                └─────────┘           by `replay`

The deliveries of a job are sent by its notify stage, in order for each target. Those without a job, and those whose job
has no such stage left, are `direct`: the dispatcher sends them, without a broker.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from docrelay.database import storable
from docrelay.ids import new_id
from docrelay.names import Channel, DeliveryStatus
from docrelay.transitions.hints import tell

SUBSCRIBED = """
    select distinct target from subscriptions
    where event in ({event}, split_part({event}, '.', 1) || '.*', '*') and collection in ('', {collection})
"""
"""Targets that want to hear of an event in a collection."""

WRITE = text(
    """
    insert into deliveries (id, job_id, event, target, payload, line, direct)
    values (:id, :job_id, :event, :target, :payload, :line, :direct)
    """
).bindparams(bindparam("payload", type_=JSONB))

LISTENERS = text(SUBSCRIBED.format(event="cast(:event as text)", collection="cast(:collection as text)"))


def notify_service(
    connection: Connection,
    event: str,
    data: dict[str, Any],
    *,
    collection: str = "",
    line: str | None = None,
    targets: Iterable[str] = (),
) -> list[uuid.UUID]:
    """Write the notifications of an event that is no job's outcome, in the caller's transaction; their ids.

    They go to everybody who is subscribed to the event (the `[[tell]]` entries of DOCRELAY_NOTIFY_FILE), and to
    `targets`. The dispatcher sends them within about a second of the commit. With nobody to tell, nothing is written.

        with engine.begin() as connection:
            …  # the row that says that a run was missed
            notify_service(connection, "schedule.missed", {"message": "nightly did not run at 02:00", …})

    Args:
        connection: in the transaction that records what happened, so that both happen or neither does.
        event: `schedule.missed`, `schedule.failed`, `digest`, `batch.finished`, `alert.…`.
        data: what JSON can hold. Templates show `message` (one sentence), `remedy` (what to do), the rest as a list.
        collection: of the documents concerned, for subscriptions to one collection.
        line: those of one line arrive in order at each target; the event, if not given.
        targets: told even if they are not subscribed.
    """
    wanted = dict.fromkeys([*targets, *subscribed(connection, event, collection)])
    made = write(connection, wanted, event, data, line=line or event, direct=True)
    if made:
        tell(connection, Channel.DELIVERY, event)
    return made


def subscribed(connection: Connection, event: str, collection: str) -> Sequence[str]:
    """Who wants to hear of such an event in such a collection."""
    return connection.scalars(LISTENERS, {"event": event, "collection": collection}).all()


def write(
    connection: Connection,
    targets: Iterable[str],
    event: str,
    data: dict[str, Any],
    *,
    job_id: uuid.UUID | None = None,
    line: str | None = None,
    direct: bool = False,
) -> list[uuid.UUID]:
    """Write one notification for each target; their ids."""
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "job_id": job_id,
            "event": event,
            "target": target,
            "payload": {"type": event, "data": data},
            "line": line,
            "direct": direct,
        }
        for target in targets
    ]
    if rows:
        connection.execute(WRITE, rows)
    return [row["id"] for row in rows]


SEND_DIRECTLY = text("update deliveries set direct = true where job_id = :job_id and status = 'pending'")


def send_directly(connection: Connection, job_id: uuid.UUID) -> None:
    """Leave a job's notifications to the dispatcher: its pipeline has no stage that sends them."""
    connection.execute(SEND_DIRECTLY, {"job_id": job_id})
    tell(connection, Channel.DELIVERY, "job")


COLUMNS = "d.id, d.job_id, d.event, d.target, d.payload, d.tries, d.created_at, d.due_at <= now() as due"

OF_JOB = text(
    f"""
    select {COLUMNS} from deliveries d
    where d.job_id = :job_id and d.status = 'pending' and not d.direct order by d.created_at, d.id
    """  # noqa: S608 - a constant of ours
)


def pending_of_job(connection: Connection, job_id: uuid.UUID) -> Sequence[RowMapping]:
    """What the job's notify stage has to send, due or not, in order."""
    return connection.execute(OF_JOB, {"job_id": job_id}).mappings().all()


TAKE_DIRECT = text(
    f"""
    with picked as (
        select id from deliveries d
        where direct and status = 'pending' and due_at <= now() and not exists (
            select 1 from deliveries earlier
            where earlier.direct and earlier.status = 'pending' and earlier.target = d.target
              and coalesce(earlier.line, earlier.job_id::text) = coalesce(d.line, d.job_id::text)
              and (earlier.created_at, earlier.id) < (d.created_at, d.id))
        order by due_at limit :most
        for update skip locked
    )
    update deliveries d set due_at = now() + cast(:lease as float8) * interval '1 second'
    from picked where d.id = picked.id
    returning {COLUMNS}
    """  # noqa: S608 - a constant of ours
)


def take_direct(connection: Connection, *, most: int, lease: float) -> Sequence[RowMapping]:
    """Direct deliveries that are due, for this sender alone; of one that dies they are due again after `lease`."""
    return connection.execute(TAKE_DIRECT, {"most": most, "lease": lease}).mappings().all()


@dataclass(frozen=True, slots=True)
class Tried:
    """One try. `error` is None when it was taken; `final` when another try would not help."""

    at: datetime
    seconds: float
    sender: str
    status_code: int | None = None
    answer: str = ""
    error: str | None = None
    final: bool = False


NOTE = text(
    """
    with noted as (
        update deliveries
        set tries = tries + 1, status_code = :status_code, seconds = :seconds, error = :error,
            give_up_at = coalesce(give_up_at, created_at + cast(:patience as float8) * interval '1 second'),
            status = case when status <> 'pending' then status
                          when cast(:error as text) is null then 'delivered'
                          when :final or now() >= coalesce(
                               give_up_at, created_at + cast(:patience as float8) * interval '1 second') then 'failed'
                          else 'pending' end,
            delivered_at = case when cast(:error as text) is null then coalesce(delivered_at, now())
                           else delivered_at end,
            due_at = least(now() + cast(:pause as float8) * interval '1 second', coalesce(
                     give_up_at, created_at + cast(:patience as float8) * interval '1 second'))
        where id = :id
        returning id, job_id, event, target, tries, status, due_at
    ), kept as (
        insert into delivery_attempts (delivery_id, number, at, seconds, status_code, answer, error, sender)
        select id, tries, :at, :seconds, :status_code, :answer, :error, :sender from noted
    ), told as (
        insert into events (job_id, kind, who, detail)
        select job_id, 'notification given up', :sender,
               jsonb_build_object('event', event, 'because', cast(:error as text), 'tries', tries)
        from noted where status = 'failed' and job_id is not null
    )
    select status from noted
    """
)


def note(
    connection: Connection, delivery_id: uuid.UUID, tried: Tried, *, pause: float, patience: float
) -> DeliveryStatus | None:
    """Keep a try, and decide what becomes of the delivery; None if it was deleted meanwhile.

    Args:
        connection: in a transaction.
        delivery_id: of the delivery.
        tried: what happened.
        pause: seconds until the next try, if there is one.
        patience: seconds after which it is given up, counted from when it was written.
    """
    values = {
        "id": delivery_id,
        "at": tried.at,
        "seconds": tried.seconds,
        "sender": tried.sender,
        "status_code": tried.status_code,
        "answer": storable(tried.answer) or None,
        "error": storable(tried.error) if tried.error is not None else None,
        "final": tried.final,
        "pause": pause,
        "patience": patience,
    }
    status = connection.scalar(NOTE, values)
    return DeliveryStatus(status) if status else None


PUT_OFF = text(
    """
    update deliveries set due_at = now() + cast(:seconds as float8) * interval '1 second', error = :because
    where id = :id and status = 'pending'
    """
)


def put_off(connection: Connection, delivery_id: uuid.UUID, seconds: float, because: str) -> None:
    """Try it later; that it was not tried now counts for nothing."""
    connection.execute(PUT_OFF, {"id": delivery_id, "seconds": seconds, "because": storable(because)})


REPLAY = text(
    """
    with again as (
        update deliveries
        set status = 'pending', direct = true, due_at = now(), error = null, delivered_at = null,
            give_up_at = now() + cast(:patience as float8) * interval '1 second'
        where id = any(:ids) and status <> 'pending'
        returning id, job_id, event, target
    ), told as (
        insert into events (job_id, kind, who, detail)
        select job_id, 'notification replayed', :who, jsonb_build_object('event', event, 'delivery', id::text)
        from again where job_id is not null
    )
    select id from again
    """
)

REPLAY_SECONDS = 24 * 3600.0


def replay(connection: Connection, delivery_ids: Sequence[uuid.UUID], *, who: str = "client") -> list[uuid.UUID]:
    """Send delivered or failed ones again, with their ids and payloads, for another day; which ones."""
    values = {"ids": list(delivery_ids), "who": who, "patience": REPLAY_SECONDS}
    again = list(connection.scalars(REPLAY, values))
    if again:
        tell(connection, Channel.DELIVERY, "replay")
    return again
