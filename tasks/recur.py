"""The stage of recurring jobs: runs the task that the schedule names."""

from typing import Any

from celery import Task
from pydantic import ValidationError
from sqlalchemy import Connection, update

import tasks.recurring  # noqa: F401 - registers the tasks that come with the service
from app.celery import app
from app.schedule.recurring import Order, Run, order_of, recurring_tasks, refused
from app.work import StageFailed, Work, run_stage
from docrelay.tables import ScheduleRun


@app.task(name="docrelay.recur", bind=True, throws=(StageFailed,))
def recur(self: Task, stage_run_id: str) -> str:
    """Run an entry of the schedule."""
    return run_stage(stage_run_id, self.request.id, run_entry)


def run_entry(work: Work) -> None:
    """Run the task, and keep what it says with the run."""
    order: Order | None = work.read(lambda connection: order_of(connection, work.claim.job_id))
    if order is None:
        raise refused("no_order", "no run of the schedule has this job; only Beat and `schedule run` make such jobs")
    report = _report(work, order)

    def keep(connection: Connection) -> None:
        connection.execute(update(ScheduleRun).where(ScheduleRun.id == order.id).values(detail=report))

    work.succeed(keep, {name: value for name, value in report.items() if isinstance(value, int)})


def _report(work: Work, order: Order) -> dict[str, Any]:
    task = recurring_tasks().get(order.task)
    if task is None:
        raise refused("unknown_task", f"this worker knows no task {order.task!r}; is its module in its own settings?")
    try:
        arguments = task.arguments.model_validate(order.arguments)
    except ValidationError as error:
        raise refused("arguments", f"{order.task} does not take these arguments: {error}") from error
    return task.function(Run(work, order), arguments)
