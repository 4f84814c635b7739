"""The parse stage: bytes to the text of pages."""

from dataclasses import dataclass
from queue import LifoQueue
from typing import Any

from celery import Task
from sqlalchemy import Connection, delete, insert, select, update

from app.celery import app
from app.isolation import DocumentProcess, WorkRefused
from app.isolation.protocol import Refusal
from app.work import StageFailed, Work, run_stage
from config.settings import settings
from docrelay import contents
from docrelay import tables as t
from docrelay.names import JobStatus
from pipelines.documents import ParsedDocument
from pipelines.errors import LimitError
from pipelines.parse import PARSER_VERSION, ParseLimits
from tasks.isolated.errors import classify

CALLS_PER_PROCESS = 200
"""A document process is replaced after so many documents: C libraries leak a little."""

_idle: LifoQueue[DocumentProcess] = LifoQueue()


@app.task(name="docrelay.parse", bind=True, throws=(StageFailed,))
def parse(self: Task, stage_run_id: str) -> str:
    """Parse the document of a stage run."""
    return run_stage(stage_run_id, self.request.id, parse_document)


def parse_document(work: Work) -> None:
    """Read, parse in a process that can die, store the pages with the closing of the stage."""
    known = work.read(lambda connection: _known(connection, work))
    if known is not None:
        work.succeed(lambda _: None, {"pages": known.pages, "reused": True}, job_status=known.outcome)
        return
    parsed = _parse(work, work.read(lambda connection: _bytes(connection, work)))
    work.succeed(
        lambda connection: _store(connection, work, parsed),
        {"pages": parsed.page_count, "problems": len(parsed.problems)},
        job_status=_outcome(has_text=parsed.has_text, complete=not parsed.problems),
    )


def _outcome(*, has_text: bool, complete: bool) -> JobStatus:
    if not has_text:
        return JobStatus.NO_TEXT
    return JobStatus.SUCCEEDED if complete else JobStatus.PARTIAL


@dataclass(frozen=True, slots=True)
class Known:
    """What this parser made of the document before."""

    pages: int
    outcome: JobStatus


def _known(connection: Connection, work: Work) -> Known | None:
    document = t.Document.id == work.claim.document_id
    columns = select(t.Document.parsed_by, t.Document.page_count, t.Document.problems)
    row = connection.execute(columns.where(document)).one()
    if row.parsed_by != PARSER_VERSION:
        return None
    has_page = select(t.Page.number).where(t.Page.document_id == work.claim.document_id).limit(1)
    has_text = connection.scalar(has_page) is not None
    return Known(int(row.page_count or 0), _outcome(has_text=has_text, complete=not row.problems))


def _bytes(connection: Connection, work: Work) -> bytes:
    columns = select(t.Document.sha256, t.Document.size).where(t.Document.id == work.claim.document_id)
    sha256, size = connection.execute(columns).one()
    try:
        _limits().check_bytes(size)  # before they are here: the worker would hold them, whatever they are
    except LimitError as error:
        raise WorkRefused(Refusal(*classify(error), traceback="", exceeded=error.exceeded)) from error
    return contents.read(connection, sha256, settings().storage_url)


def _limits() -> ParseLimits:
    wanted = settings()
    return ParseLimits(max_bytes=wanted.max_bytes, max_pages=wanted.max_pages, max_text_chars=wanted.max_text_chars)


def _parse(work: Work, data: bytes) -> ParsedDocument:
    # After a crash or a limit: once more alone, in a fresh process, with the fallback.
    struck = work.claim.strikes > 0
    process = _take(work, fresh=struck)
    arguments: dict[str, Any] = {
        "data": data,
        "name": work.claim.name,
        "engine": "fallback" if struck else "default",
        "limits": _limits(),
    }
    try:
        return process.call("parse", arguments, ParsedDocument, work.limits, work)
    finally:
        if process.calls < CALLS_PER_PROCESS and not struck:
            _idle.put(process)
        else:
            process.kill()


def _take(work: Work, *, fresh: bool) -> DocumentProcess:
    if fresh or _idle.empty():
        return DocumentProcess("tasks.isolated.parse", memory_mb=work.claim.memory_mb)
    return _idle.get()


def _store(connection: Connection, work: Work, parsed: ParsedDocument) -> None:
    document_id = work.claim.document_id
    connection.execute(delete(t.Page).where(t.Page.document_id == document_id))
    pages = [
        {"document_id": document_id, "number": page.number, "label": page.label, "text": page.text}
        for page in parsed.pages
        if page.text
    ]
    if pages:
        connection.execute(insert(t.Page), pages)
    connection.execute(
        update(t.Document)
        .where(t.Document.id == document_id)
        .values(
            media_type=parsed.media_type,
            page_count=parsed.page_count,
            facts=parsed.metadata,
            notes=parsed.notes,
            problems=[{"page": problem.number, "message": problem.message} for problem in parsed.problems],
            parsed_by=PARSER_VERSION,
        )
    )
