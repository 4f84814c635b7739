"""`retention`: what is old, or more than so many, goes: whole documents, or their bytes, text, vectors, history."""

import uuid
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, select, text, update

from app.schedule.durations import Duration
from app.schedule.recurring import Run, recurring
from config.settings import settings
from docrelay import contents, vectors
from docrelay.names import DeliveryStatus, JobStatus
from docrelay.tables import Chunk, Delivery, Document, Job, Page
from docrelay.transitions import remove_document
from tasks.recurring.choosing import documents

Finished = Literal["succeeded", "partial", "no_text", "failed", "quarantined", "cancelled"]
Part = Literal["documents", "bytes", "text", "vectors", "history"]


class Rule(BaseModel):
    """One rule: of which documents what is removed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    collection: Annotated[str, Field(min_length=1)]
    """A name, or a pattern with `*` and `?`."""

    status: list[Finished] = []
    """Of their last job; all, if there are none."""

    older_than: Duration | None = None
    """Whose last job ended so long ago."""

    keep: Annotated[int, Field(ge=0)] = 0
    """Except the newest so many of each collection."""

    remove: Annotated[list[Part], Field(min_length=1)]
    """`documents` with all that belongs to them; or only their bytes, the text of their pages, their passages with the
    vectors (they are not found any more), or all jobs but the last with their history."""

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if self.older_than is None and not self.keep:
            raise ValueError("expected `older_than`, `keep`, or both: else the rule means everything")
        return self


class Retention(BaseModel):
    """The arguments of `retention`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: Annotated[list[Rule], Field(min_length=1)]
    most: Annotated[int, Field(ge=1)] = 100_000
    """Documents that one rule changes in one run."""


@recurring("retention", Retention)
def retention(run: Run, wanted: Retention) -> dict[str, Any]:
    """Apply the rules in their order; in a rehearsal, count what they mean."""
    report: dict[str, Any] = {}
    for number, rule in enumerate(wanted.rules, 1):
        counts = _apply(run, rule, wanted.most)
        for part, count in counts.items():
            report[part] = report.get(part, 0) + count
        report[f"rule_{number}"] = [{"collection": rule.collection, **counts}]
        run.progress(number, len(wanted.rules), "rules")
    return report


def _apply(run: Run, rule: Rule, most: int) -> dict[str, int]:
    counts: dict[str, int] = dict.fromkeys(rule.remove, 0)
    looked_at = 0
    for rows in documents(
        run, collection=rule.collection, statuses=rule.status, older_than=rule.older_than, keep=rule.keep
    ):
        for row in rows[: most - looked_at]:
            run.check()
            for part in rule.remove:
                counts[part] += _remove(run, part, row)
        looked_at += len(rows)
        if looked_at >= most:
            break
    return counts


Removing = Callable[[Connection, Any], bool]


def _remove(run: Run, part: Part, row: Any) -> bool:
    if run.rehearsal:
        return bool(run.read(lambda connection: THERE[part](connection, row)))
    return bool(run.write(lambda connection: _alone(connection, row) and REMOVE[part](connection, row)))


def _alone(connection: Connection, row: Any) -> bool:
    """Whether nothing has begun with the document since it was chosen; holds it until commit."""
    contents.hold(connection, row.sha256)
    held = select(Document.id).where(Document.id == row.id).with_for_update()
    begun = Job.status.in_([JobStatus.QUEUED, JobStatus.RUNNING])
    return connection.scalar(held) is not None and not connection.scalar(
        select(exists().where(Job.document_id == row.id, begun))
    )


def _documents(connection: Connection, row: Any) -> bool:
    hashes = remove_document(connection, row.id)
    for sha256 in sorted(set(hashes)):
        contents.drop_unused(connection, sha256, settings().storage_url)
    return bool(hashes)


def _only_one(connection: Connection, row: Any) -> bool:
    """Whether no other document has the same bytes: they may have to be kept for it."""
    return not connection.scalar(select(exists().where(Document.sha256 == row.sha256, Document.id != row.id)))


def _bytes(connection: Connection, row: Any) -> bool:
    return _only_one(connection, row) and contents.let_go(connection, row.sha256, settings().storage_url)


def _text(connection: Connection, row: Any) -> bool:
    gone = connection.execute(delete(Page).where(Page.document_id == row.id)).rowcount
    if gone:
        _make_again(connection, row.id, parsed_by=None)
    return gone > 0


def _vectors(connection: Connection, row: Any) -> bool:
    hashes = vectors.texts_of(connection, row.id)
    gone = connection.execute(delete(Chunk).where(Chunk.document_id == row.id)).rowcount
    vectors.drop_unused(connection, hashes)
    if gone:
        _make_again(connection, row.id, indexed_by=None)
    return gone > 0


def _make_again(connection: Connection, document_id: uuid.UUID, **changes: Any) -> None:
    """Submitted again, the document must be worked again: no earlier job answers for what is gone."""
    connection.execute(update(Document).where(Document.id == document_id).values(**changes))
    mark = func.concat(Job.fingerprint, ", removed by retention")
    answering = Job.fingerprint.not_like("%, removed by retention")
    connection.execute(update(Job).where(Job.document_id == document_id, answering).values(fingerprint=mark))


def _history(connection: Connection, row: Any) -> bool:
    return connection.execute(delete(Job).where(_is_history(row))).rowcount > 0


def _is_history(row: Any) -> ColumnElement[bool]:
    """Older jobs of the document, but for those whose notifications are still on their way."""
    telling = exists().where(Delivery.job_id == Job.id, Delivery.status == DeliveryStatus.PENDING)
    return and_(Job.document_id == row.id, Job.id < row.job_id, ~telling)


REMOVE: dict[Part, Removing] = {
    "documents": _documents,
    "bytes": _bytes,
    "text": _text,
    "vectors": _vectors,
    "history": _history,
}

HAS_BYTES = text(
    """
    select exists (select 1 from contents c where c.sha256 = :sha256 and (
        c.location is not null or exists (select 1 from pieces p where p.sha256 = c.sha256)))
    """
)

THERE: dict[Part, Removing] = {
    "documents": lambda connection, row: True,
    "bytes": lambda connection, row: (
        _only_one(connection, row) and bool(connection.scalar(HAS_BYTES, {"sha256": row.sha256}))
    ),
    "text": lambda connection, row: bool(connection.scalar(select(exists().where(Page.document_id == row.id)))),
    "vectors": lambda connection, row: bool(connection.scalar(select(exists().where(Chunk.document_id == row.id)))),
    "history": lambda connection, row: bool(connection.scalar(select(exists().where(_is_history(row))))),
}
