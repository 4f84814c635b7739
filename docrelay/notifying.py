"""Looking at notifications: those of a job, those that failed, one with all its tries."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select

from docrelay import tables as t
from docrelay.names import DeliveryStatus
from docrelay.views import Delivery, DeliveryAttempt

ROWS = t.Delivery.__table__
ATTEMPTS = t.DeliveryAttempt.__table__


def select_deliveries(
    *,
    status: DeliveryStatus | None = None,
    event: str | None = None,
    target: str | None = None,
    job_id: uuid.UUID | None = None,
    ids: Sequence[uuid.UUID] | None = None,
) -> Select[Any]:
    """The newest first, of this kind."""
    # By id, which is by time and has an index; but those of a job are few, and that index shall not be read for them.
    newest = (ROWS.c.id.desc(),) if job_id is None else (ROWS.c.created_at.desc(), ROWS.c.id.desc())
    statement = select(ROWS).order_by(*newest)
    for column, wanted in ((ROWS.c.status, status), (ROWS.c.event, event), (ROWS.c.target, target)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if job_id is not None:
        statement = statement.where(ROWS.c.job_id == job_id)
    return statement if ids is None else statement.where(ROWS.c.id.in_(ids))


def read_deliveries(connection: Connection, statement: Select[Any]) -> list[Delivery]:
    """The deliveries of a statement made by `select_deliveries`."""
    return [_delivery(row) for row in connection.execute(statement).mappings()]


def with_attempts(connection: Connection, delivery: Delivery) -> Delivery:
    """The delivery with all its tries, oldest first."""
    statement = select(ATTEMPTS).where(ATTEMPTS.c.delivery_id == delivery.id).order_by(ATTEMPTS.c.number)
    attempts = (
        DeliveryAttempt(
            row["number"],
            row["at"],
            row["seconds"],
            row["status_code"],
            row["answer"],
            row["error"],
            row["sender"],
        )
        for row in connection.execute(statement).mappings()
    )
    return replace(delivery, attempts=tuple(attempts))


def _delivery(row: RowMapping) -> Delivery:
    pending = row["status"] == DeliveryStatus.PENDING
    return Delivery(
        id=row["id"],
        event=row["event"],
        target=row["target"],
        status=DeliveryStatus(row["status"]),
        job_id=row["job_id"],
        tries=row["tries"],
        status_code=row["status_code"],
        error=row["error"],
        created_at=row["created_at"],
        due_at=row["due_at"] if pending else None,
        delivered_at=row["delivered_at"],
        payload=row["payload"],
    )
