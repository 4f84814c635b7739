"""Accepting documents: bytes and rows in one transaction, no broker anywhere."""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, text

from docrelay import contents
from docrelay import tables as t
from docrelay.database import batches, storable
from docrelay.errors import ConfigError
from docrelay.ids import new_id
from docrelay.names import PRIORITY_DEFAULT, PRIORITY_HIGHEST, PRIORITY_LOWEST, RECUR_PIPELINE, SCHEDULE_COLLECTION
from docrelay.sources import Measured
from docrelay.transitions import NewJob, Parent, Plan, create

TARGET = re.compile(
    r"https?://(?![^/?#]*@)[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,2048}"
    r"|mailto:[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]+(\.[\w-]+)*"
    r"|@[A-Za-z0-9][\w.-]{0,63}"
)
"""A webhook, a mailbox, or a name from the service's settings; URLs that are passwords belong there, not in rows."""


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
    batch_id: uuid.UUID | None = None
    parent: Parent | None = None
    at: datetime | None = None
    delay: float | timedelta | None = None

    def __post_init__(self) -> None:
        """Check what the database would refuse less kindly."""
        if not PRIORITY_LOWEST <= self.priority <= PRIORITY_HIGHEST:
            raise ConfigError(f"priority={self.priority}: expected {PRIORITY_LOWEST} to {PRIORITY_HIGHEST}")
        for field_name in ("collection", "pipeline", "key"):
            value = getattr(self, field_name)
            if value is not None and (not value or not _is_storable(value)):
                raise ConfigError(f"{field_name}={value!r}: expected a name")
        if self.collection == SCHEDULE_COLLECTION:
            raise ConfigError(f"collection={self.collection!r} is the service's own; expected another name")
        _check_metadata(self.metadata)
        check_targets("notify", self.notify)
        self._check_time()

    def _check_time(self) -> None:
        if self.at is not None and self.delay is not None:
            raise ConfigError("at= and delay= exclude each other")
        if self.at is not None and self.at.utcoffset() is None:
            raise ConfigError(f"at={self.at!r}: expected a datetime with a time zone")
        if self.delay is not None and not timedelta(0) <= self.pause <= LONGEST_DELAY:
            raise ConfigError(
                f"delay={self.delay!r}: expected 0 to {LONGEST_DELAY.days} days, as seconds or a timedelta"
            )

    @property
    def pause(self) -> timedelta:
        """`delay` as a timedelta."""
        try:
            return self.delay if isinstance(self.delay, timedelta) else timedelta(seconds=self.delay or 0)
        except (OverflowError, ValueError, TypeError):
            raise ConfigError(f"delay={self.delay!r}: expected seconds, or a timedelta") from None


def check_targets(argument: str, targets: Sequence[str]) -> None:
    """Whether notifications can be sent there, as far as their spelling tells.

    Raises:
        ConfigError: names the target.
    """
    if isinstance(targets, str):
        raise ConfigError(f"{argument}={targets!r}: expected a list of targets")
    for target in targets:
        if not TARGET.fullmatch(target):
            # Not shown whole: what is refused for its password must not end in a log.
            shown = target.partition("@")[0][:60] if "://" not in target else target.partition("://")[0] + "://…"
            expected = (
                "an http(s) URL without a password, mailto: and an address, or @ and a name that the operator gave"
            )
            raise ConfigError(f"{argument}={shown!r}: expected {expected}")


LONGEST_DELAY = timedelta(days=3650)


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


def accept(connection: Connection, sources: Sequence[Measured], wishes: Wishes, storage_url: str) -> list[uuid.UUID]:
    """Store documents and make their jobs; the ids of the jobs, in the given order. A key is for one document.

    Right when run twice: bytes and documents are found again, and a job with a key too.
    """
    if wishes.key is not None:
        # Two submissions with one key at one moment: the second waits here and then finds the first's job.
        connection.execute(text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": wishes.key})
        known = connection.scalar(select(t.Job.id).where(t.Job.key == wishes.key))
        if known is not None:
            return [known]
    pipeline = _pipeline(connection, wishes.pipeline)
    plan = Plan(
        collection=wishes.collection,
        pipeline=wishes.pipeline,
        fingerprint=pipeline.fingerprint,
        stages=[stage for stage in pipeline.stages if not stage.get("on_demand")],
        priority=wishes.priority,
        notify=list(wishes.notify),
        batch_id=wishes.batch_id,
        not_before=_not_before(connection, wishes),
        **(_of_parent(wishes.parent) if wishes.parent else {}),
    )
    # Locked in the order of their hashes: two that submit the same documents cannot wait for each other.
    distinct = sorted({source.sha256: source for source in reversed(sources)}.values(), key=lambda each: each.sha256)
    for batch in batches(distinct):
        contents.keep(connection, batch, storage_url)
    documents: dict[bytes, _Document] = {}
    for batch in batches(distinct):
        documents |= _documents(connection, batch, wishes)
    members = wishes.parent.members if wishes.parent else [None] * len(sources)
    jobs = [
        _job(source, documents[source.sha256], wishes, member) for source, member in zip(sources, members, strict=True)
    ]
    return create(connection, plan, jobs)


def _of_parent(parent: Parent) -> dict[str, Any]:
    return {"parent": parent.job_id, "depth": parent.depth, "who": parent.who}


def _job(source: Measured, document: "_Document", wishes: Wishes, member: str | None) -> NewJob:
    return NewJob(
        document_id=document.id,
        name=storable(source.name),
        first=document.is_new,
        key=wishes.key,
        replaces=wishes.replaces if wishes.replaces != document.id else None,
        member=storable(member) if member is not None else None,
    )


def _not_before(connection: Connection, wishes: Wishes) -> datetime | None:
    """When a job may start, by the database's clock: the caller's may be wrong."""
    if not wishes.delay:
        return wishes.at
    return connection.scalars(select(func.now() + wishes.pause)).one()


def _pipeline(connection: Connection, name: str) -> Any:
    columns = select(t.Pipeline.stages, t.Pipeline.fingerprint)
    row = connection.execute(columns.where(t.Pipeline.name == name)).one_or_none()
    if row is None or name == RECUR_PIPELINE:
        for_documents = select(t.Pipeline.name).where(t.Pipeline.name != RECUR_PIPELINE)
        known = connection.scalars(for_documents.order_by(t.Pipeline.name)).all()
        raise ConfigError(f"pipeline={name!r} is unknown; known: {', '.join(known) or 'none, run migrate'}")
    return row


@dataclass(frozen=True, slots=True)
class _Document:
    id: uuid.UUID
    is_new: bool


# Updating a document that is there locks it: see the order of locks in `docrelay.transitions`.
DOCUMENTS = text(
    """
    insert into documents (id, sha256, name, size, collection, metadata)
    select id, sha256, name, size, :collection, cast(:metadata as jsonb)
    from unnest(cast(:ids as uuid[]), cast(:hashes as bytea[]), cast(:names as text[]), cast(:sizes as bigint[]))
      d(id, sha256, name, size)
    order by sha256
    on conflict (collection, sha256) do update
    set updated_at = now(), metadata = case when :changes then excluded.metadata else documents.metadata end
    returning sha256, id
    """
)


def _documents(connection: Connection, sources: Sequence[Measured], wishes: Wishes) -> dict[bytes, _Document]:
    """The documents of these bytes, which are distinct, made where there were none."""
    ids = {source.sha256: new_id() for source in sources}
    values = {
        "ids": list(ids.values()),
        "hashes": [source.sha256 for source in sources],
        "names": [storable(source.name) for source in sources],
        "sizes": [source.size for source in sources],
        "collection": wishes.collection,
        "metadata": json.dumps(dict(wishes.metadata or {})),
        "changes": wishes.metadata is not None,
    }
    rows = connection.execute(DOCUMENTS, values)
    return {row.sha256: _Document(row.id, is_new=row.id == ids[row.sha256]) for row in rows}
