"""The parse stage: bytes to the text of pages."""

from dataclasses import dataclass
from queue import LifoQueue
from typing import Any

from celery import Task
from sqlalchemy import Connection, delete, func, insert, select, update

from app.celery import app
from app.isolation import DocumentProcess, WorkRefused
from app.isolation.protocol import Refusal
from app.work import Effects, StageFailed, Work, run_stage
from config.settings import settings
from docrelay import contents, passwords, transitions
from docrelay import tables as t
from pipelines.documents import ParsedDocument
from pipelines.errors import LimitError
from pipelines.parse import PARSER_VERSION, ParseLimits
from tasks.isolated.errors import classify
from tasks.pages import OCR, outcome, set_problems

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
        _close(work, known, lambda _: None, {"pages": known.pages, "reused": True})
        return
    data, password = work.read(lambda connection: _bytes(connection, work))
    parsed = _parse(work, data, password)
    found = Found(parsed.page_count, len(parsed.problems), len(parsed.scanned), has_text=parsed.has_text)
    made = {"pages": found.pages, "problems": found.problems}

    def effects(connection: Connection) -> None:
        _store(connection, work, parsed)
        if password is not None and not parsed.scanned:
            passwords.forget(connection, work.claim.job_id)

    _close(work, found, effects, made)


@dataclass(frozen=True, slots=True)
class Found:
    """What parsing made of the document, now or before: how many pages, how many of them unread or pictures."""

    pages: int
    problems: int
    scanned: int
    has_text: bool


def _close(work: Work, found: Found, effects: Effects, made: dict[str, Any]) -> None:
    """Close the stage; pages that are pictures put the ocr stage next, which decides about them."""
    if not found.scanned:
        status = outcome(has_text=found.has_text, complete=not found.problems)
        work.succeed(effects, made, job_status=status)
        return
    made["scanned"] = found.scanned
    ocr = work.read(lambda connection: transitions.on_demand(connection, work.claim.pipeline, OCR))
    if ocr is None:
        note = f"it is a picture, and the pipeline {work.claim.pipeline} has no stage {OCR} that would read it"
        status = outcome(has_text=found.has_text, complete=False)
        work.succeed(lambda connection: _store_noted(connection, work, effects, note), made, job_status=status)
        return
    work.succeed(effects, made, job_status=outcome(has_text=True, complete=not found.problems), demand=ocr)


def _store_noted(connection: Connection, work: Work, effects: Effects, note: str) -> None:
    effects(connection)
    set_problems(connection, work, note)


def _known(connection: Connection, work: Work) -> Found | None:
    columns = select(t.Document.parsed_by, t.Document.page_count, t.Document.problems, t.Document.scanned)
    row = connection.execute(columns.where(t.Document.id == work.claim.document_id)).one()
    if row.parsed_by != PARSER_VERSION:
        return None
    has_page = select(t.Page.number).where(t.Page.document_id == work.claim.document_id, t.Page.text != "").limit(1)
    problems = sum(problem["page"] not in row.scanned for problem in row.problems)
    has_text = connection.scalar(has_page) is not None
    return Found(int(row.page_count or 0), problems, len(row.scanned), has_text=has_text)


def _bytes(connection: Connection, work: Work) -> tuple[bytes, str | None]:
    """The document, and the password that was given with its job."""
    password = select(t.Password.password).where(t.Password.job_id == work.claim.job_id).scalar_subquery()
    columns = select(t.Document.sha256, t.Document.size, password).where(t.Document.id == work.claim.document_id)
    sha256, size, given = connection.execute(columns).one()
    try:
        _limits().check_bytes(size)  # before they are here: the worker would hold them, whatever they are
    except LimitError as error:
        raise WorkRefused(Refusal(*classify(error), traceback="", exceeded=error.exceeded)) from error
    return contents.read(connection, sha256, settings().storage_url), given


def _limits() -> ParseLimits:
    wanted = settings()
    return ParseLimits(max_bytes=wanted.max_bytes, max_pages=wanted.max_pages, max_text_chars=wanted.max_text_chars)


def _parse(work: Work, data: bytes, password: str | None) -> ParsedDocument:
    # After a crash or a limit: once more alone, in a fresh process, with the fallback.
    struck = work.claim.strikes > 0
    process = _take(work, fresh=struck)
    arguments: dict[str, Any] = {
        "data": data,
        "name": work.claim.name,
        "engine": "fallback" if struck else "default",
        "limits": _limits(),
        "password": password,
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
    # What OCR read is kept where the page is still a picture: it took seconds each.
    made_by_ocr = (t.Page.source == OCR) & t.Page.number.in_(parsed.scanned)
    connection.execute(delete(t.Page).where(t.Page.document_id == document_id, ~func.coalesce(made_by_ocr, False)))
    pages = [
        {"document_id": document_id, "number": page.number, "label": page.label, "text": page.text}
        for page in parsed.pages
        if page.text and page.number not in parsed.scanned
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
            scanned=parsed.scanned,
            parsed_by=PARSER_VERSION,
        )
    )
