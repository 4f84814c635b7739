"""Recurring jobs: what is known of each entry, what became of every due time, and what `sync` has seen."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from docrelay.tables.base import Base


class ScheduleEntry(Base):
    """An entry of the schedule file as Beat last read it, and how far it has been worked."""

    __tablename__ = "schedule_entries"

    name: Mapped[str] = mapped_column(primary_key=True)
    entry: Mapped[dict[str, Any]]  # as in the file
    form: Mapped[str]  # hash of what it does
    present: Mapped[bool] = mapped_column(server_default=text("true"))  # false: no longer in the file
    handled_until: Mapped[datetime] = mapped_column(server_default=func.now())  # every due time up to here has its row
    next_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    paused_by: Mapped[str | None]
    paused_because: Mapped[str | None]
    rehearsed_at: Mapped[datetime | None]
    rehearsed_form: Mapped[str | None]
    rehearsal_ok: Mapped[bool | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ScheduleRun(Base):
    """What became of one due time, or of a run that somebody asked for."""

    __tablename__ = "schedule_runs"
    __table_args__ = (
        # However many Beats fire it: each due time once.
        UniqueConstraint("entry", "kind", "due_at"),
        Index("ix_schedule_runs_entry_due", "entry", "due_at"),
        Index("ix_schedule_runs_open", "entry", postgresql_where=text("outcome is null")),
        Index("ix_schedule_runs_job", "job_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    entry: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default="schedule")  # schedule, hand, rehearsal
    due_at: Mapped[datetime]
    times: Mapped[int] = mapped_column(server_default="1")  # due times that it stands for: many missed ones in a row
    caught_up: Mapped[bool] = mapped_column(server_default=text("false"))
    form: Mapped[str | None]
    task: Mapped[str | None]
    arguments: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    who: Mapped[str | None]  # the Beat that fired it, or the person that asked for it
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    sent_at: Mapped[datetime | None]  # when its job was made
    expires_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None]  # of its job, or why there is none
    reason: Mapped[str | None]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}")  # what the task says that it did
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ScheduleMade(Base):
    """A job that a run made."""

    __tablename__ = "schedule_made"
    __table_args__ = (Index("ix_schedule_made_job", "job_id"),)

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("schedule_runs.id", ondelete="CASCADE"), primary_key=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)


class ScheduleState(Base):
    """The one row of the Beat that leads: which file it goes by, and what is wrong with the file."""

    __tablename__ = "schedule_state"
    __table_args__ = (CheckConstraint("id = 1", name="one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    leader: Mapped[str]
    led_since: Mapped[datetime]
    file: Mapped[str]
    loaded_at: Mapped[datetime | None]
    problem: Mapped[str | None]
    problem_at: Mapped[datetime | None]


class SyncItem(Base):
    """A file, object or page that a `sync` has taken, as it was then."""

    __tablename__ = "sync_items"
    __table_args__ = (Index("ix_sync_items_document", "document_id"),)

    sync: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int | None]
    stamp: Mapped[str]  # time or ETag: if it and the size are as they were, the bytes are not read
    sha256: Mapped[bytes | None]  # None: could not be taken, for `problem`
    document_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("documents.id", ondelete="SET NULL"))
    owned: Mapped[bool] = mapped_column(server_default=text("false"))  # the sync made the document, so it may remove it
    problem: Mapped[str | None]
    taken_at: Mapped[datetime] = mapped_column(server_default=func.now())
