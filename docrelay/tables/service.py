"""The service itself: its processes, and messages that could not be handled."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from docrelay.tables.base import Base


class Process(Base):
    """A worker, dispatcher or Beat that says every few seconds that it is alive."""

    __tablename__ = "processes"
    __table_args__ = (Index("ix_processes_role", "role", "beat_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    role: Mapped[str]  # worker, dispatcher, beat
    queue: Mapped[str | None]  # that a worker consumes
    slots: Mapped[int]  # stages it runs at once
    host: Mapped[str]
    pid: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    beat_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CollectionShare(Base):
    """How much of the workers a collection gets beside others, and how much at most; without a row, 1 and no cap."""

    __tablename__ = "collection_shares"
    __table_args__ = (
        CheckConstraint("weight between 1 and 1000", name="weight"),
        CheckConstraint("cap >= 1", name="cap"),
    )

    collection: Mapped[str] = mapped_column(primary_key=True)
    weight: Mapped[int] = mapped_column(server_default="1")
    cap: Mapped[int | None]  # stages announced or running at once, of all queues together


class DeadMessage(Base):
    """A message that the broker or a worker refused, kept so that nothing rots unseen."""

    __tablename__ = "dead_messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    queue: Mapped[str | None]
    reason: Mapped[str]
    stage_run_id: Mapped[uuid.UUID | None]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes]
