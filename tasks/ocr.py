"""The ocr stage: pages that are pictures to text, each kept as soon as it is read."""

import time
from dataclasses import dataclass
from queue import LifoQueue

from celery import Task
from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.celery import app
from app.work import StageFailed, Work, run_stage
from config.settings import settings
from docrelay import contents, passwords
from docrelay import tables as t
from pipelines.ocr.recognise import Recognised
from tasks.pages import OCR, note, outcome
from tasks.reader import Opened, PageReader, Unreadable
from tasks.turn import Turn

WITHOUT = ", without ocr"

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
        else:
            _recognise(work, reader, facts.version)
    except BaseException:
        reader.kill()
        raise
    _idle.put(reader)


def _recognise(work: Work, reader: PageReader, version: str) -> None:
    work.write(lambda connection: _begin(connection, work, version))
    pages = work.read(lambda connection: _pages(connection, work))
    if pages.fresh or pages.noted:
        reader.open(work.read(lambda connection: _source(connection, work)))
    turn, began, read = Turn(work), time.monotonic(), 0
    # What could not be read in an earlier turn comes last: it may take its whole time again.
    for number in [*pages.fresh, *pages.noted]:
        work.progress(pages.done + pages.all.index(number), pages.total)
        late = time.monotonic() - began > work.claim.seconds - work.claim.silence
        if number in pages.noted and late:
            break
        if number in pages.fresh and number != pages.fresh[0] and (late or turn.over()):
            work.make_way()
            return
        read += _read(work, reader, number)
    _conclude(work, read)


def _read(work: Work, reader: PageReader, number: int) -> bool:
    """Read a page and keep its text, or else why it could not be read."""
    try:
        recognised = reader.page(work, number)
    except Unreadable as error:
        reason = str(error)
        work.write(lambda connection: note(connection, work, {number: reason}))
        return False
    work.write(lambda connection: _keep(connection, work, number, recognised))
    return True


def _conclude(work: Work, read: int) -> None:
    has_text, problems = work.read(lambda connection: _state(connection, work))

    def effects(connection: Connection) -> None:
        passwords.forget(connection, work.claim.job_id)
        _mark(connection, work, "")

    made = {"read": read, "problems": problems}
    work.succeed(effects, made, job_status=outcome(has_text=has_text, complete=not problems))


def _do_without(work: Work, why: str) -> None:
    """Nothing here can read pictures: say so on each page, and let nobody take that for the last word."""
    pages = work.read(lambda connection: _pages(connection, work))
    has_text, _ = work.read(lambda connection: _state(connection, work))

    def effects(connection: Connection) -> None:
        note(connection, work, dict.fromkeys([*pages.fresh, *pages.noted], f"it is a picture: {why}"))
        _mark(connection, work, WITHOUT)

    work.succeed(effects, {"missing": why}, job_status=outcome(has_text=has_text, complete=False))


def _mark(connection: Connection, work: Work, mark: str) -> None:
    """With the mark, the same document is read again when it is submitted again: this is not the answer to it."""
    fingerprint = func.replace(t.Job.fingerprint, WITHOUT, "") + mark
    connection.execute(update(t.Job).where(t.Job.id == work.claim.job_id).values(fingerprint=fingerprint))


@dataclass(frozen=True, slots=True)
class Pages:
    """The scanned pages of a document: how many are read, which nobody has tried, which could not be read."""

    total: int
    fresh: list[int]
    noted: list[int]

    @property
    def all(self) -> list[int]:
        """Those that are to be read, in order."""
        return [*self.fresh, *self.noted]

    @property
    def done(self) -> int:
        """How many are read."""
        return self.total - len(self.all)


def _pages(connection: Connection, work: Work) -> Pages:
    columns = select(t.Document.scanned, t.Document.problems).where(t.Document.id == work.claim.document_id)
    row = connection.execute(columns).one()
    numbers = select(t.Page.number).where(t.Page.document_id == work.claim.document_id, t.Page.source == OCR)
    done = set(connection.scalars(numbers))
    unread = {problem["page"] for problem in row.problems}
    left = [number for number in row.scanned if number not in done]
    return Pages(len(row.scanned), [n for n in left if n not in unread], [n for n in left if n in unread])


def _begin(connection: Connection, work: Work, version: str) -> None:
    """Forget what another version read, or in other languages; in a job's first turn, what could not be read, too."""
    document = t.Document.id == work.claim.document_id
    columns = select(t.Document.ocr_by, t.Document.scanned, t.Job.fingerprint)
    columns = columns.join(t.Job, t.Job.document_id == t.Document.id)
    row = connection.execute(columns.where(t.Job.id == work.claim.job_id)).one()
    if row.ocr_by != version:
        connection.execute(delete(t.Page).where(t.Page.document_id == work.claim.document_id, t.Page.source == OCR))
        connection.execute(update(t.Document).where(document).values(ocr_by=version))
    if row.ocr_by != version or work.claim.attempt == 1 or WITHOUT in row.fingerprint:
        note(connection, work, dict.fromkeys(row.scanned))
        _mark(connection, work, "")


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
    note(connection, work, {number: None})


STATE = text(
    """
    select exists (select 1 from pages where document_id = d.id and text <> '') as has_text,
           jsonb_array_length(d.problems) as problems
    from documents d where d.id = :id
    """
)


def _state(connection: Connection, work: Work) -> tuple[bool, int]:
    """Whether there is any text, and how many pages could not be read."""
    row = connection.execute(STATE, {"id": work.claim.document_id}).one()
    return row.has_text, row.problems
