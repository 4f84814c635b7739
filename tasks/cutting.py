"""Cutting documents into chunks, in processes that do not keep the model from others."""

import uuid
from queue import LifoQueue

from sqlalchemy import Connection, select

from app.isolation import DocumentProcess
from app.work import Work
from docrelay import tables as t
from pipelines.documents import Chunk, Page

CALLS_PER_PROCESS = 200
"""A process is replaced after so many documents: its memory is that of the largest one it has seen."""

_idle: LifoQueue[tuple[str, DocumentProcess]] = LifoQueue()


def cut(work: Work, model: str, window: int) -> list[Chunk]:
    """The chunks of a stage's document in a model's tokens; raises what `DocumentProcess.call` raises."""
    pages, media_type = work.read(lambda connection: _pages(connection, work.claim.document_id))
    process = _take(work, model)
    arguments = {"pages": pages, "media_type": media_type, "window": window}
    try:
        chunks: list[Chunk] = process.call("chunk", arguments, list[Chunk], work.limits, work)
        return chunks
    finally:
        if process.calls < CALLS_PER_PROCESS:
            _idle.put((model, process))
        else:
            process.kill()


def _take(work: Work, model: str) -> DocumentProcess:
    while not _idle.empty():
        held, process = _idle.get()
        if held == model:
            return process
        process.kill()
    return DocumentProcess("tasks.isolated.chunk", [model], memory_mb=work.claim.memory_mb)


def _pages(connection: Connection, document_id: uuid.UUID) -> tuple[list[Page], str]:
    columns = select(t.Page.number, t.Page.label, t.Page.text).where(t.Page.document_id == document_id)
    pages = [Page(*row) for row in connection.execute(columns.order_by(t.Page.number))]
    media_type = connection.scalar(select(t.Document.media_type).where(t.Document.id == document_id))
    return pages, media_type or "text/plain"
