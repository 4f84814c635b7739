"""Housekeeping that Beat asks for: removes what nobody refers to any more, and says what it did."""

from celery import Task
from sqlalchemy import exists, func, insert, select, text, update

from app.celery import app
from app.runtime import engine
from config.settings import settings
from docrelay import contents, vectors
from docrelay.database import transact
from docrelay.ids import new_id
from docrelay.tables import Content, Document, ScheduleRun

BYTES_AFTER = "1 hour"
"""Bytes without a document are kept for so long: their submission may still be under way."""

VECTORS_AFTER = "1 day"
"""Vectors without a document are kept for so long: they are written slice by slice, before their document's chunks."""

MOST = 10_000


@app.task(name="docrelay.tidy", bind=True)
def tidy(self: Task, entry: str = "tidy") -> dict[str, int]:
    """Remove bytes and vectors that no document refers to."""
    run_id = new_id()
    started = insert(ScheduleRun).values(id=run_id, entry=entry, due_at=func.now(), detail={"message": self.request.id})
    transact(engine(), lambda connection: connection.execute(started))
    removed = {"contents": _drop_contents(), "embeddings": _drop_vectors()}
    ended = update(ScheduleRun).where(ScheduleRun.id == run_id)
    values = {"finished_at": func.now(), "outcome": "succeeded", "detail": removed}
    transact(engine(), lambda connection: connection.execute(ended.values(values)))
    return removed


def _drop_contents() -> int:
    old = Content.created_at < func.now() - text(f"interval '{BYTES_AFTER}'")
    unused = select(Content.sha256).where(old, ~exists().where(Document.sha256 == Content.sha256)).limit(MOST)
    found = transact(engine(), lambda connection: connection.scalars(unused).all())
    for sha256 in found:
        # Each in a transaction of its own: one that fails must not take back the rows of objects that are gone.
        transact(
            engine(),
            lambda connection, sha256=sha256: contents.drop_unused(connection, sha256, settings().storage_url),  # type: ignore[misc]
        )
    return len(found)


def _drop_vectors() -> int:
    return transact(engine(), lambda connection: vectors.drop_old(connection, age=VECTORS_AFTER, most=MOST))
