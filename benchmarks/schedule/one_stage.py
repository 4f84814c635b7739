"""A pipeline of one stage that does nothing, so that a sync of very many files is measured and not their parsing.

Workers import it by `DOCRELAY_TASK_MODULES=benchmarks.schedule.one_stage`.
"""

from typing import Any

from app.celery import app
from app.work import Work, run_stage
from docrelay.names import STAGE_TASK_PREFIX, Queue
from pipelines import StageSpec

MODULE = __name__
PIPELINE = "one-stage"
STAGE = StageSpec("take-note", seconds=60, silence=60, memory_mb=1024)
PIPELINES = {PIPELINE: ((STAGE, Queue.PARSE),)}
FINGERPRINT = "1"


def take_note(work: Work) -> None:
    """Close the stage."""
    work.succeed(lambda _: None)


@app.task(name=f"{STAGE_TASK_PREFIX}{STAGE.name}", bind=True)
def run_take_note(task: Any, stage_run_id: str) -> str:
    """The task: as of any other stage."""
    return run_stage(stage_run_id, task.request.id, take_note)
