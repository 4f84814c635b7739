"""Accepting documents: bytes and rows in one transaction, no broker anywhere."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from docrelay import contents
from docrelay import tables as t
from docrelay.database import storable
from docrelay.errors import ConfigError
from docrelay.ids import new_id
from docrelay.names import PRIORITY_DEFAULT, PRIORITY_HIGHEST, PRIORITY_LOWEST
from docrelay.sources import Measured
from docrelay.transitions import NewJob, create


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a document is to be processed; checked when made.

    Raises:
        ConfigError: a value is out of its range; names it.
    """

    collection: str = "default"
    metadata: Mapping[str, Any] | None = None
    pipeline: str = "index"
    priority: int = PRIORITY_DEFAULT
    key: str | None = None
    notify: Sequence[str] = field(default_factory=tuple)
    replaces: uuid.UUID | None = None

    def __post_init__(self) -> None:
        """Check what the database would refuse less kindly."""
        if not PRIORITY_LOWEST <= self.priority <= PRIORITY_HIGHEST:
            raise ConfigError(f"priority={self.priority}: expected {PRIORITY_LOWEST} to {PRIORITY_HIGHEST}")
        for field_name in ("collection", "pipeline", "key"):
            value = getattr(self, field_name)
            if value is not None and (not value or not _is_storable(value)):
                raise ConfigError(f"{field_name}={value!r}: expected a name")
        _check_metadata(self.metadata)
        if isinstance(self.notify, str):
            raise ConfigError(f"notify={self.notify!r}: expected a list of URLs")
        for target in self.notify:
            if not target.startswith(("http://", "https://")) or not _is_storable(target):
                raise ConfigError(f"notify={target!r}: expected an http or https URL")


def _is_storable(value: str) -> bool:
    return value == storable(value)


def _check_metadata(metadata: Mapping[str, Any] | None) -> None:
    try:
        spelled = json.dumps(dict(metadata or {}), allow_nan=False, ensure_ascii=False)
        fits = "\\u0000" not in spelled.replace(r"\\", "") and bool(spelled.encode())
    except (TypeError, ValueError) as error:
        raise ConfigError(f"metadata: expected what JSON can hold: {error}") from None
    if not fits:
        raise ConfigError("metadata: a text holds a NUL character, which Postgres does not take")


def accept(connection: Connection, source: Measured, wishes: Wishes, storage_url: str) -> uuid.UUID:
    """Store one document and make its job; the id of the job.

    Right when run twice: bytes and document are found again, and a job with a key too.
    """
    if wishes.key is not None:
        # Two submissions with one key at one moment: the second waits here and then finds the first's job.
        connection.execute(text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": wishes.key})
        known = connection.scalar(select(t.Job.id).where(t.Job.key == wishes.key))
        if known is not None:
            return known
    pipeline = _pipeline(connection, wishes.pipeline)
    contents.keep(connection, source, storage_url)
    document_id = _document(connection, source, wishes)
    job = NewJob(
        document_id=document_id,
        collection=wishes.collection,
        name=storable(source.name),
        pipeline=wishes.pipeline,
        fingerprint=pipeline.fingerprint,
        stages=pipeline.stages,
        priority=wishes.priority,
        key=wishes.key,
        notify=list(wishes.notify),
        replaces=wishes.replaces if wishes.replaces != document_id else None,
    )
    return create(connection, job)


def _pipeline(connection: Connection, name: str) -> Any:
    columns = select(t.Pipeline.stages, t.Pipeline.fingerprint)
    row = connection.execute(columns.where(t.Pipeline.name == name)).one_or_none()
    if row is None:
        known = connection.scalars(select(t.Pipeline.name).order_by(t.Pipeline.name)).all()
        raise ConfigError(f"pipeline={name!r} is unknown; known: {', '.join(known) or 'none, run migrate'}")
    return row


def _document(connection: Connection, source: Measured, wishes: Wishes) -> uuid.UUID:
    row = upsert(t.Document).values(
        id=new_id(),
        collection=wishes.collection,
        sha256=source.sha256,
        name=storable(source.name),
        size=source.size,
        meta=dict(wishes.metadata or {}),
    )
    # Updating a document that is there locks it: see the order of locks in `docrelay.transitions`.
    changes: dict[str, Any] = {"updated_at": func.now()}
    if wishes.metadata is not None:
        changes["metadata"] = row.excluded["metadata"]
    statement = row.on_conflict_do_update(index_elements=["collection", "sha256"], set_=changes)
    document_id: uuid.UUID = connection.execute(statement.returning(t.Document.id)).scalar_one()
    return document_id
