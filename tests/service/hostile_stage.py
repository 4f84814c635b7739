"""A stage of a user's own, loaded by DOCRELAY_TASK_MODULES: does whatever the document's text asks for."""

import json

from celery import Task
from sqlalchemy import select

from app.celery import app
from app.isolation import DocumentProcess, Limits
from app.work import StageFailed, Work, run_stage
from docrelay import contents
from docrelay import tables as t
from docrelay.names import Queue
from pipelines import StageSpec

SPEC = StageSpec("hostile", seconds=60, silence=30, memory_mb=256)
IMPATIENT = StageSpec("hostile", seconds=2, silence=30, memory_mb=256)
RESTLESS = StageSpec("hostile", seconds=60, silence=1, memory_mb=256)
HURRIED = StageSpec("parse", seconds=3, silence=30, memory_mb=512)
PARSE = StageSpec("parse", seconds=60, silence=30, memory_mb=512)
OCR = StageSpec("ocr", seconds=120, silence=60, memory_mb=350, on_demand=True)
PIPELINES = {
    "hostile": [(SPEC, Queue.PARSE)],
    "impatient": [(IMPATIENT, Queue.PARSE)],
    "restless": [(RESTLESS, Queue.PARSE)],
    "hostile-first": [(SPEC, Queue.PARSE), (PARSE, Queue.PARSE)],
    "tight": [(PARSE, Queue.PARSE), (OCR, Queue.OCR)],
    "hurried": [(HURRIED, Queue.PARSE)],
    "parsed-first": [(PARSE, Queue.PARSE), (SPEC, Queue.PARSE)],
}


@app.task(name="docrelay.hostile", bind=True, throws=(StageFailed,))
def hostile(self: Task, stage_run_id: str) -> str:
    """Run the function that the document names."""
    return run_stage(stage_run_id, self.request.id, do_as_told)


def do_as_told(work: Work) -> None:
    """`loop 3` calls `loop`, `answer {"megabytes": 3}` with arguments; what follows only makes documents different."""
    sha256 = work.read(lambda c: c.scalar(select(t.Document.sha256).where(t.Document.id == work.claim.document_id)))
    name, _, rest = work.read(lambda c: contents.read(c, sha256, "")).decode().partition(" ")
    arguments = json.JSONDecoder().raw_decode(rest)[0] if rest.startswith("{") else {}
    process = DocumentProcess("tests.isolation.hostile", memory_mb=work.claim.memory_mb)
    limits = Limits(work.claim.seconds, work.claim.silence, work.claim.memory_mb)
    try:
        process.call(name, arguments, object, limits, work)
    finally:
        process.kill()
    work.succeed(lambda _: None)
