"""The ocr stage: pages that are pictures to text, each kept as soon as it is read."""

import time
from queue import LifoQueue

from celery import Task
from sqlalchemy import Connection, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.celery import app
from app.work import StageFailed, Work, run_stage
from config.settings import settings
from docrelay import contents, passwords
from docrelay import tables as t
from pipelines.ocr.recognise import Recognised
from tasks.isolated.ocr import Facts
from tasks.pages import OCR, outcome, set_problems
from tasks.reader import Opened, PageReader, Unreadable

_idle: LifoQueue[PageReader] = LifoQueue()


@app.task(name="docrelay.ocr", bind=True, throws=(StageFailed,))
def ocr(self: Task, stage_run_id: str) -> str:
    """Read the scanned pages of the document of a stage run."""
    return run_stage(stage_run_id, self.request.id, recognise_document)


def recognise_document(work: Work) -> None:
    """Read the pages that nobody has read yet, one by one; what cannot be read is noted on its page."""
    reader = _idle.get() if not _idle.empty() else PageReader(settings().ocr_languages, work.claim.memory_mb)
    try:
        facts = reader.facts(work)
        if facts.missing:
            _do_without(work, facts.missing)
            return
        _recognise(work, reader, facts)
    except BaseException:
        reader.kill()
        raise
    _idle.put(reader)


def _recognise(work: Work, reader: PageReader, facts: Facts) -> None:
    scanned = work.read(lambda connection: _scanned(connection, work))
    work.write(lambda connection: _forget_others(connection, work, facts.version))
    done = work.read(lambda connection: _done(connection, work))
    left = [number for number in scanned if number not in done]
    problems: dict[int, str] = {}
    started = time.monotonic()
    if left:
        reader.open(work.read(lambda connection: _source(connection, work)))
    for number in left:
        work.progress(len(scanned) - len(left) + left.index(number), len(scanned))
        work.limits.check_time(time.monotonic() - started, silent=0)
        try:
            read = reader.page(work, number)
        except Unreadable as error:
            problems[number] = str(error)
            continue
        work.write(lambda connection, number=number, read=read: _keep(connection, work, number, read))  # type: ignore[misc]
    _conclude(work, len(left) - len(problems), problems)


def _conclude(work: Work, read: int, problems: dict[int, str]) -> None:
    has_text, complete = work.read(lambda connection: _state(connection, work))

    def effects(connection: Connection) -> None:
        set_problems(connection, work, problems)
        passwords.forget(connection, work.claim.job_id)

    work.succeed(
        effects,
        {"read": read, "problems": len(problems)},
        job_status=outcome(has_text=has_text, complete=complete and not problems),
    )


def _do_without(work: Work, why: str) -> None:
    """Nothing here can read pictures: say so on each page, and let nobody take that for the last word."""
    has_text, _ = work.read(lambda connection: _state(connection, work))

    def effects(connection: Connection) -> None:
        set_problems(connection, work, f"it is a picture: {why}")
        # The same document, submitted again, is read again instead of being answered with this.
        unfinished = t.Job.fingerprint + ", without ocr"
        connection.execute(update(t.Job).where(t.Job.id == work.claim.job_id).values(fingerprint=unfinished))

    work.succeed(effects, {"missing": why}, job_status=outcome(has_text=has_text, complete=False))


def _scanned(connection: Connection, work: Work) -> list[int]:
    return list(connection.scalar(select(t.Document.scanned).where(t.Document.id == work.claim.document_id)) or [])


def _forget_others(connection: Connection, work: Work, version: str) -> None:
    """Pages that another version read, or in other languages, are read again."""
    document = t.Document.id == work.claim.document_id
    if connection.scalar(select(t.Document.ocr_by).where(document)) == version:
        return
    connection.execute(delete(t.Page).where(t.Page.document_id == work.claim.document_id, t.Page.source == OCR))
    connection.execute(update(t.Document).where(document).values(ocr_by=version))


def _done(connection: Connection, work: Work) -> set[int]:
    numbers = select(t.Page.number).where(t.Page.document_id == work.claim.document_id, t.Page.source == OCR)
    return set(connection.scalars(numbers))


def _source(connection: Connection, work: Work) -> Opened:
    columns = select(t.Document.sha256, t.Document.media_type).where(t.Document.id == work.claim.document_id)
    row = connection.execute(columns).one()
    data = contents.read(connection, row.sha256, settings().storage_url)
    return Opened(data, row.media_type or "application/pdf", passwords.find(connection, work.claim.job_id))


def _keep(connection: Connection, work: Work, number: int, read: Recognised) -> None:
    """A page without a word is kept too: it has been read."""
    row = upsert(t.Page).values(
        document_id=work.claim.document_id, number=number, text=read.text, source=OCR, confidence=read.confidence
    )
    changes = {"text": row.excluded.text, "source": OCR, "confidence": read.confidence}
    connection.execute(row.on_conflict_do_update(index_elements=["document_id", "number"], set_=changes))


STATE = text(
    """
    select exists (select 1 from pages where document_id = d.id and text <> '') as has_text,
           not exists (select 1 from jsonb_array_elements(d.problems) problem
                       where not d.scanned @> (problem -> 'page')) as complete
    from documents d where d.id = :id
    """
)


def _state(connection: Connection, work: Work) -> tuple[bool, bool]:
    """Whether there is any text, and whether all pages that are no pictures could be read."""
    row = connection.execute(STATE, {"id": work.claim.document_id}).one()
    return row.has_text, row.complete
