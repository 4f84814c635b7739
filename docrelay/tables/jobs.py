"""Jobs, their stages, every attempt, every event."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from docrelay.names import PRIORITY_DEFAULT, JobStatus, StageStatus
from docrelay.tables.base import Base, among


class Pipeline(Base):
    """A named list of stages, as the service that runs here knows it; written by `migrate`."""

    __tablename__ = "pipelines"

    name: Mapped[str] = mapped_column(primary_key=True)
    stages: Mapped[list[Any]]  # [{name, queue, seconds, silence, memory_mb, after_outcome, on_demand}]
    fingerprint: Mapped[str]  # changes when a parser, chunker or model would give another result


class Job(Base):
    """One run of a pipeline over a document."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(among("status", JobStatus), name="status"),
        CheckConstraint("priority between 1 and 10", name="priority"),
        Index("ix_jobs_document", "document_id", "id"),
        # One job for each member, however often its container is read.
        Index("ix_jobs_parent", "parent", "member", unique=True, postgresql_where=text("parent is not null")),
        Index("ix_jobs_unfinished", "collection", "id", postgresql_where=text("status in ('queued', 'running')")),
        Index("ix_jobs_collection", "collection", "id"),
        Index("ix_jobs_batch", "batch_id", postgresql_where=text("batch_id is not null")),
        # The sweep asks of each open batch whether one of its jobs is left, and most of a large one are not.
        Index(
            "ix_jobs_batch_unfinished",
            "batch_id",
            postgresql_where=text("batch_id is not null and status in ('queued', 'running')"),
        ),
        # What people ask for by status is rare, except what went well: that is found without.
        Index(
            "ix_jobs_went_badly",
            "status",
            "id",
            postgresql_where=text("status in ('partial', 'no_text', 'failed', 'quarantined', 'cancelled')"),
        ),
        Index("ix_jobs_held", "not_before", postgresql_where=text("status = 'queued' and not_before is not null")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    document_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    collection: Mapped[str]
    name: Mapped[str]  # of the document, as this submission called it
    pipeline: Mapped[str] = mapped_column(ForeignKey("pipelines.name"))
    fingerprint: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=JobStatus.QUEUED.value)
    priority: Mapped[int] = mapped_column(server_default=str(PRIORITY_DEFAULT))
    key: Mapped[str | None] = mapped_column(unique=True)
    notify: Mapped[list[Any]] = mapped_column(server_default="[]")
    batch_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("batches.id", ondelete="SET NULL"))
    not_before: Mapped[datetime | None]  # held until then; does not keep others of its document waiting meanwhile
    replaces: Mapped[uuid.UUID | None]  # the document that this one takes the place of
    same_as: Mapped[uuid.UUID | None]  # the earlier job whose result this one answers with
    parent: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    """The job of the document that this one's was found in."""
    depth: Mapped[int] = mapped_column(server_default="0")  # how many containers it was taken out of
    member: Mapped[str | None]  # where it stood in its container
    error: Mapped[dict[str, Any] | None]  # {stage, class, code, message, traceback}
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Password(Base):
    """What opens the document of a job; gone once that was read. See `docrelay.passwords`."""

    __tablename__ = "passwords"

    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    password: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class StageRun(Base):
    """One stage of a job: who may work on it, until when, and how far it is."""

    __tablename__ = "stage_runs"
    __table_args__ = (
        UniqueConstraint("job_id", "position"),
        CheckConstraint(among("status", StageStatus), name="status"),
        # No lease without an end, and no running without a lease: nothing is stuck for ever.
        CheckConstraint(
            "(status = 'running') = (lease_token is not null and lease_until is not null and deadline is not null)",
            name="lease",
        ),
        Index(
            "ix_stage_runs_to_announce",
            "queue",
            "collection",
            text("priority desc"),
            "ready_at",
            postgresql_where=text("status = 'ready' and announced_at is null"),
        ),
        Index(
            "ix_stage_runs_announced",
            "queue",
            "announce_again_at",
            postgresql_where=text("status = 'ready' and announced_at is not null"),
        ),
        Index("ix_stage_runs_leases", "lease_until", postgresql_where=text("status = 'running'")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    position: Mapped[int]
    stage: Mapped[str]
    queue: Mapped[str]
    status: Mapped[str]
    priority: Mapped[int]  # the job's, like the collection, so that the dispatcher reads one index
    collection: Mapped[str]
    after_outcome: Mapped[bool] = mapped_column(server_default=text("false"))
    seconds: Mapped[int]  # limit on the whole stage
    silence: Mapped[int]  # limit without progress, in seconds
    memory_mb: Mapped[int]  # limit of the document's process

    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ready_at: Mapped[datetime | None]
    announced_at: Mapped[datetime | None]
    announce_again_at: Mapped[datetime | None]
    announcements: Mapped[int] = mapped_column(server_default="0")
    message_id: Mapped[str | None]  # of the latest announcement, so that Flower's chain can be drawn

    attempt: Mapped[int] = mapped_column(server_default="0")  # claims so far
    failures: Mapped[int] = mapped_column(server_default="0")  # transient errors, bounded
    strikes: Mapped[int] = mapped_column(server_default="0")  # crashes and limits, bounded tighter
    losses: Mapped[int] = mapped_column(server_default="0")  # workers that vanished; nobody's fault
    lease_token: Mapped[int | None]
    lease_until: Mapped[datetime | None]
    deadline: Mapped[datetime | None]
    worker: Mapped[str | None]
    claimed_at: Mapped[datetime | None]

    progress_done: Mapped[int | None]
    progress_total: Mapped[int | None]
    progress_unit: Mapped[str | None]
    waited_seconds: Mapped[float] = mapped_column(server_default="0")
    ran_seconds: Mapped[float] = mapped_column(server_default="0")
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]  # what the stage made, in numbers
    verdict: Mapped[str | None]  # `partial` or `no_text`, if that is what the stage found


class Attempt(Base):
    """One claim of a stage: who worked, when, and how it ended."""

    __tablename__ = "attempts"

    stage_run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stage_runs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[int]
    worker: Mapped[str]
    host: Mapped[str]
    pid: Mapped[int]
    message_id: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    error: Mapped[dict[str, Any] | None]


class Event(Base):
    """Something that happened to a job; written in the transaction that made it happen."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_job", "job_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    kind: Mapped[str]
    stage: Mapped[str | None]
    attempt: Mapped[int | None]
    who: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
