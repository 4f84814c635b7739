"""A pipeline of three stages that do nothing, on the three queues: what a job costs without its work.

Workers import it by `DOCRELAY_TASK_MODULES=benchmarks.empty_stages`.
"""

from typing import Any

from app.celery import app
from app.work import Work, run_stage
from docrelay.names import STAGE_TASK_PREFIX, Queue
from pipelines import StageSpec

PIPELINE = "empty"
QUEUES = (Queue.PARSE, Queue.VECTORIZE, Queue.NOTIFY)
"""Those of a plain document, as many as the rival's chain has steps."""

STAGES = tuple(
    (StageSpec(f"empty-{queue.name.lower()}", seconds=60, silence=60, memory_mb=1024), queue) for queue in QUEUES
)
PIPELINES = {PIPELINE: STAGES}
FINGERPRINT = "1"


def do_nothing(work: Work) -> None:
    """Close the stage."""
    work.succeed(lambda _: None)


def run_empty(task: Any, stage_run_id: str) -> str:
    """The task: as of any other stage."""
    return run_stage(stage_run_id, task.request.id, do_nothing)


for _spec, _queue in STAGES:
    app.task(name=f"{STAGE_TASK_PREFIX}{_spec.name}", bind=True)(run_empty)
