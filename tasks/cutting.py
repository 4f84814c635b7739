"""Cutting documents into chunks, in processes that do not keep the model from others."""

import threading
import uuid
from collections.abc import Collection

from sqlalchemy import Connection, select

from app.isolation import DocumentProcess
from app.work import Work
from docrelay import tables as t
from pipelines.documents import Chunk, Page
from tasks.pool import Pool
from tasks.serving import LIMITS

_lock = threading.Lock()
_pools: dict[str, Pool] = {}


def warm(model: str, count: int) -> None:
    """Have so many processes ready for documents in a model's tokens."""
    _pool(model).warm(count)


def keep(models: Collection[str]) -> None:
    """End the processes for models that no generation needs any more."""
    with _lock:
        over = [_pools.pop(model) for model in set(_pools) - set(models)]
    for pool in over:
        pool.close()


def cut(work: Work, model: str, window: int) -> list[Chunk]:
    """The chunks of a stage's document in a model's tokens; raises what `DocumentProcess.call` raises."""
    pages, media_type = work.read(lambda connection: _pages(connection, work.claim.document_id))
    pool = _pool(model)
    process = pool.take()
    arguments = {"pages": pages, "media_type": media_type, "window": window}
    try:
        chunks: list[Chunk] = process.call("chunk", arguments, list[Chunk], work.limits, work)
        return chunks
    finally:
        pool.give_back(process)


def _pool(model: str) -> Pool:
    with _lock:
        if model not in _pools:
            _pools[model] = Pool(lambda: DocumentProcess("tasks.isolated.chunk", [model], memory_mb=LIMITS.memory_mb))
        return _pools[model]


def _pages(connection: Connection, document_id: uuid.UUID) -> tuple[list[Page], str]:
    columns = select(t.Page.number, t.Page.label, t.Page.text).where(t.Page.document_id == document_id)
    pages = [Page(*row) for row in connection.execute(columns.order_by(t.Page.number))]
    media_type = connection.scalar(select(t.Document.media_type).where(t.Document.id == document_id))
    return pages, media_type or "text/plain"
