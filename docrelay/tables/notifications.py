"""Notifications: what is to be told to whom, every try, how receivers behave; batches; what is alarming."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from docrelay.names import DeliveryStatus
from docrelay.tables.base import Base, among


class Delivery(Base):
    """A notification: written with the status change it tells of, kept with what became of it."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint(among("status", DeliveryStatus), name="status"),
        Index("ix_deliveries_job", "job_id"),
        Index("ix_deliveries_direct", "due_at", postgresql_where=text("direct and status = 'pending'")),
        Index("ix_deliveries_target", "target", postgresql_where=text("status = 'pending'")),
        Index("ix_deliveries_failed", "id", postgresql_where=text("status = 'failed'")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    event: Mapped[str]
    target: Mapped[str]
    payload: Mapped[dict[str, Any]]
    line: Mapped[str | None]  # without a job: those of one line and target arrive in order
    direct: Mapped[bool] = mapped_column(server_default=text("false"))  # no stage sends it; the dispatcher does
    status: Mapped[str] = mapped_column(server_default=DeliveryStatus.PENDING.value)
    tries: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    give_up_at: Mapped[datetime | None]
    status_code: Mapped[int | None]
    seconds: Mapped[float | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    delivered_at: Mapped[datetime | None]


class DeliveryAttempt(Base):
    """One try: when, how long it took, what the receiver answered."""

    __tablename__ = "delivery_attempts"

    delivery_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    seconds: Mapped[float]
    status_code: Mapped[int | None]
    answer: Mapped[str | None]  # its start
    error: Mapped[str | None]
    sender: Mapped[str]


class Receiver(Base):
    """A target that failed lately: its circuit breaker. One that never failed has no row."""

    __tablename__ = "receivers"

    target: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(server_default="0")  # in a row
    rests_until: Mapped[datetime | None]  # nobody sends before; then one tries
    error: Mapped[str | None]
    failed_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]


class Subscription(Base):
    """Who is told of which events, beside those that a job names; written by `migrate` from the settings."""

    __tablename__ = "subscriptions"

    event: Mapped[str] = mapped_column(primary_key=True)  # `job.failed`, `job.*` or `*`
    collection: Mapped[str] = mapped_column(primary_key=True)  # empty for all
    target: Mapped[str] = mapped_column(primary_key=True)


class Batch(Base):
    """What one `submit_many` submitted."""

    __tablename__ = "batches"
    __table_args__ = (Index("ix_batches_open", "id", postgresql_where=text("finished_at is null")),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    collection: Mapped[str]
    total: Mapped[int]
    notify: Mapped[list[Any]] = mapped_column(server_default="[]")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]


class Alert(Base):
    """Something that is wrong with the service, or was until `cleared_at`."""

    __tablename__ = "alerts"

    rule: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)  # which queue, say; empty if there is one only
    found: Mapped[str]
    remedy: Mapped[str]
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    told_at: Mapped[datetime | None]  # of its latest notification
    cleared_at: Mapped[datetime | None]


class Silence(Base):
    """Alerts that nobody wants to hear of for a while."""

    __tablename__ = "silences"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    pattern: Mapped[str]  # of `rule:subject`, with * and ?
    because: Mapped[str]
    until: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
