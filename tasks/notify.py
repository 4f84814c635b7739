"""The notify stage: sends the notifications that were written with the job's outcome."""

import uuid
from datetime import UTC, datetime, timedelta
from functools import cache
from time import monotonic
from typing import Any

from celery import Task
from sqlalchemy import Connection, func, select, update

from app.celery import app
from app.receivers import secrets_for
from app.runtime import policy
from app.work import StageFailed, Work, run_stage
from config.settings import settings
from docrelay.names import DeliveryStatus
from docrelay.tables import Delivery
from pipelines.deliver import Allowed, Answer, GiveUp, Message, TryAgain, Webhook

TIMEOUT_SECONDS = 10.0
SOONEST_SECONDS = 0.1


@app.task(name="docrelay.notify", bind=True, throws=(StageFailed,))
def notify(self: Task, stage_run_id: str) -> str:
    """Send the notifications of a job."""
    return run_stage(stage_run_id, self.request.id, send_notifications)


def send_notifications(work: Work) -> None:
    """Send what is due; come back for what could not be delivered, until it is given up."""
    work.unit = "deliveries"
    for row in work.read(lambda connection: _due(connection, work.claim.job_id)):
        work.check()
        changes = _send(row)
        work.write(lambda connection, row=row, changes=changes: _note(connection, row.id, changes))  # type: ignore[misc]
    wait, because, delivered, failed = work.read(lambda connection: _left(connection, work.claim.job_id))
    if wait is not None:
        work.postpone(max(SOONEST_SECONDS, wait), because)
        return
    work.succeed(lambda _: None, {"delivered": delivered, "failed": failed})


def _due(connection: Connection, job_id: uuid.UUID) -> Any:
    statement = select(Delivery.id, Delivery.target, Delivery.payload, Delivery.tries, Delivery.created_at).where(
        Delivery.job_id == job_id, Delivery.status == DeliveryStatus.PENDING, Delivery.due_at <= func.now()
    )
    return connection.execute(statement.order_by(Delivery.id)).all()


def _left(connection: Connection, job_id: uuid.UUID) -> tuple[float | None, str, int, int]:
    """Seconds until the next try is due (None: nothing is pending), why, how many were delivered, how many failed."""
    pending = Delivery.status == DeliveryStatus.PENDING
    seconds = func.extract("epoch", func.min(Delivery.due_at).filter(pending) - func.now())
    delivered = func.count().filter(Delivery.status == DeliveryStatus.DELIVERED)
    failed = func.count().filter(Delivery.status == DeliveryStatus.FAILED)
    because = func.max(Delivery.error).filter(pending)
    row = connection.execute(select(seconds, because, delivered, failed).where(Delivery.job_id == job_id)).one()
    return (None if row[0] is None else float(row[0])), row[1] or "", row[2], row[3]


def _send(row: Any) -> dict[str, Any]:
    """Try once; what changes in the delivery's row."""
    now = datetime.now(UTC)
    begun = monotonic()
    try:
        answer = _deliver(row, now)
    except (TryAgain, GiveUp) as refusal:
        return _refused(row, now, refusal)
    return {
        "status": DeliveryStatus.DELIVERED,
        "tries": row.tries + 1,
        "status_code": answer.status_code,
        "seconds": monotonic() - begun,
        "error": None,
        "delivered_at": now,
    }


def _deliver(row: Any, now: datetime) -> Answer:
    payload = {**row.payload, "timestamp": row.created_at.isoformat()}
    try:
        secrets = secrets_for(settings(), row.target)
    except ValueError as error:
        # The operator's mistake, not the receiver's: what was to be sent waits until it is mended.
        raise TryAgain("no_secret", f"{error}: set DOCRELAY_WEBHOOK_SECRET for the notify workers") from error
    channel = Webhook(row.target, secrets=secrets, allowed=allowed())
    return channel.send(Message(str(row.id), row.payload["type"], payload), now=now, timeout=TIMEOUT_SECONDS)


@cache
def allowed() -> Allowed:
    """Where notifications may go beside the public internet."""
    return Allowed.of(settings().delivery_allow.split(","))


def _refused(row: Any, now: datetime, refusal: TryAgain | GiveUp) -> dict[str, Any]:
    give_up_at = row.created_at + timedelta(hours=settings().delivery_hours)
    last = isinstance(refusal, GiveUp) or now >= give_up_at
    pause = max(policy().pause(row.tries), refusal.retry_after or 0)
    return {
        "status": DeliveryStatus.FAILED if last else DeliveryStatus.PENDING,
        "tries": row.tries + 1,
        "due_at": now + timedelta(seconds=pause),
        "give_up_at": give_up_at,
        "status_code": refusal.status_code,
        "error": refusal.message,
    }


def _note(connection: Connection, delivery_id: uuid.UUID, changes: dict[str, Any]) -> None:
    connection.execute(update(Delivery).where(Delivery.id == delivery_id).values(**changes))
