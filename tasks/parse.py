"""The parse stage: bytes to the text of pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from celery import Task
from sqlalchemy import Connection, Text, cast, delete, func, insert, select, update

from app.celery import app
from app.isolation import WorkRefused
from app.isolation.protocol import Refusal
from app.work import Effects, StageFailed, Work, run_stage
from config.settings import settings
from docrelay import contents, members, passwords, transitions
from docrelay import tables as t
from pipelines.documents import ParsedDocument
from pipelines.errors import LimitError
from tasks import slices
from tasks.isolated.errors import classify
from tasks.pages import OCR, note, outcome
from tasks.parsing import Given, parse_limits, parser_version
from tasks.parsing import parse as parse_in_slices


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
    given = work.read(lambda connection: _given(connection, work))
    resumed = given.kept.pages
    parsed = parse_in_slices(work, given)
    if parsed is None:
        work.make_way()
        return
    inside = members.found([(member.path, member.name, member.data) for member in parsed.members])
    found = Found(parsed.page_count, len(parsed.problems), len(parsed.scanned), has_text=parsed.has_text)
    made: dict[str, Any] = {"pages": found.pages, "problems": found.problems}
    if resumed:
        made["resumed"] = resumed

    def effects(connection: Connection) -> None:
        _store(connection, work, parsed, depth=given.depth)
        if given.kept.slices:
            slices.forget(connection, work.claim.document_id)
        if inside:
            _adopt(connection, work, inside)
        if given.password is not None and not parsed.scanned:
            passwords.forget(connection, work.claim.job_id)

    if not inside:
        _close(work, found, effects, made)
        return
    made["members"] = len(inside)
    _close(work, found, effects, made, first=lambda connection: members.keep(connection, inside, _storage()))


def _storage() -> str:
    return settings().storage_url


def _adopt(connection: Connection, work: Work, inside: Sequence[members.Found]) -> None:
    """Jobs for what was found inside, as many as may be."""
    job_id, most = work.claim.job_id, members.Most(settings().max_members, settings().max_member_bytes)
    left_out = members.adopt(connection, job_id, inside, _storage(), most=most, who=work.claim.worker)
    if left_out:
        note = (
            f"{left_out:,} documents inside were not read: one submission gets {most.count:,} of them with "
            f"{most.size // 1024**2:,} MiB together, in all depths."
        )
        notes = t.Document.notes.op("||")(func.to_jsonb(cast(note, Text)))
        connection.execute(update(t.Document).where(t.Document.id == work.claim.document_id).values(notes=notes))


@dataclass(frozen=True, slots=True)
class Found:
    """What parsing made of the document, now or before: how many pages, how many of them unread or pictures."""

    pages: int
    problems: int
    scanned: int
    has_text: bool


def _close(work: Work, found: Found, effects: Effects, made: dict[str, Any], *, first: Effects | None = None) -> None:
    """Close the stage; pages that are pictures put the ocr stage next, which decides about them."""
    if not found.scanned:
        status = outcome(has_text=found.has_text, complete=not found.problems)
        work.succeed(effects, made, job_status=status, first=first)
        return
    made["scanned"] = found.scanned
    ocr = work.read(lambda connection: transitions.on_demand(connection, work.claim.pipeline, OCR))
    if ocr is None:
        why = f"it is a picture, and the pipeline {work.claim.pipeline} has no stage {OCR} that would read it"
        status = outcome(has_text=found.has_text, complete=False)
        noted = partial(_store_noted, work=work, effects=effects, why=why)
        work.succeed(noted, made, job_status=status, first=first)
        return
    status = outcome(has_text=True, complete=not found.problems)
    work.succeed(effects, made, job_status=status, demand=ocr, first=first)


def _store_noted(connection: Connection, *, work: Work, effects: Effects, why: str) -> None:
    effects(connection)
    scanned = connection.execute(select(t.Document.scanned).where(t.Document.id == work.claim.document_id)).scalar_one()
    note(connection, work, dict.fromkeys(scanned, why))


def _known(connection: Connection, work: Work) -> Found | None:
    document = t.Document
    columns = select(document.parsed_by, document.page_count, document.problems, document.scanned, document.members)
    row = connection.execute(columns.where(document.id == work.claim.document_id)).one()
    if row.parsed_by != parser_version() or row.members != 0:  # what is inside is not kept, and this job needs it
        return None
    has_page = select(t.Page.number).where(t.Page.document_id == work.claim.document_id, t.Page.text != "").limit(1)
    problems = sum(problem["page"] not in row.scanned for problem in row.problems)
    has_text = connection.scalar(has_page) is not None
    return Found(int(row.page_count or 0), problems, len(row.scanned), has_text=has_text)


def _given(connection: Connection, work: Work) -> Given:
    columns = (
        select(t.Document.sha256, t.Document.size, t.Job.depth, t.Password.password)
        .join(t.Job, t.Job.document_id == t.Document.id)
        .outerjoin(t.Password, t.Password.job_id == t.Job.id)
        .where(t.Job.id == work.claim.job_id)
    )
    row = connection.execute(columns).one()
    try:
        parse_limits().check_bytes(row.size)  # before they are here: the worker would hold them, whatever they are
    except LimitError as error:
        raise WorkRefused(Refusal(*classify(error), traceback="", exceeded=error.exceeded)) from error
    data = contents.read(connection, row.sha256, _storage())
    kept = slices.kept(connection, work.claim.document_id, parser_version())
    return Given(data, row.depth, row.password, kept)


def _store(connection: Connection, work: Work, parsed: ParsedDocument, *, depth: int) -> None:
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
            # Too deep, nothing was taken out: less deep, that is to be asked again.
            members=len(parsed.members) if depth < settings().max_depth else None,
            parsed_by=parser_version(),
        )
    )
