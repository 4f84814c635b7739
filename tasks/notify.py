"""The notify stage: sends the notifications that were written with the job's outcome."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import Task
from sqlalchemy import Connection, func, select, update

from app.celery import app
from app.receivers import secret_for
from app.runtime import policy
from app.work import StageFailed, Work, run_stage
from config.settings import settings
from docrelay.names import DeliveryStatus
from docrelay.tables import Delivery
from pipelines.deliver import Answer, Target, deliver
from pipelines.errors import DocumentError, PermanentError, TransientError

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
    try:
        answer = _deliver(row, now)
    except DocumentError as error:
        return _refused(row, now, error)
    return {
        "status": DeliveryStatus.DELIVERED,
        "tries": row.tries + 1,
        "status_code": answer.status_code,
        "seconds": answer.seconds,
        "error": None,
        "delivered_at": now,
    }


def _deliver(row: Any, now: datetime) -> Answer:
    payload = {**row.payload, "timestamp": row.created_at.isoformat()}
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    try:
        secret = secret_for(settings().webhook_secret.get_secret_value(), row.target)
    except ValueError as error:
        # The operator's mistake, not the receiver's: what was to be sent waits until it is mended.
        raise TransientError("no_secret", f"{error}: set DOCRELAY_WEBHOOK_SECRET for the notify workers") from error
    return deliver(Target(row.target, secret), body, message_id=str(row.id), timestamp=now, timeout=TIMEOUT_SECONDS)


def _refused(row: Any, now: datetime, error: DocumentError) -> dict[str, Any]:
    give_up_at = row.created_at + timedelta(hours=settings().delivery_hours)
    last = isinstance(error, PermanentError) or now >= give_up_at
    return {
        "status": DeliveryStatus.FAILED if last else DeliveryStatus.PENDING,
        "tries": row.tries + 1,
        "due_at": now + timedelta(seconds=policy().pause(row.tries)),
        "give_up_at": give_up_at,
        "error": error.message,
    }


def _note(connection: Connection, delivery_id: uuid.UUID, changes: dict[str, Any]) -> None:
    connection.execute(update(Delivery).where(Delivery.id == delivery_id).values(**changes))
