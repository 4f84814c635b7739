"""What jobs that are under way look like: bars on a terminal, lines in a pipe."""

import uuid
from datetime import UTC, datetime
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from docrelay.cli.present import clipped, outcome_line, printable
from docrelay.names import StageStatus
from docrelay.views import Job, Stage

NAME_WIDTH = 30
ROOM_BESIDES = 4
"""Lines of the terminal that are left to everything but bars."""


class Viewer:
    """Shows jobs as they change; this one shows nothing. Use as a context manager."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put away."""

    def update(self, job: Job) -> None:
        """Take a job that has changed."""


class Lines(Viewer):
    """A line for each step of each job: for logs, which want no pictures."""

    def __init__(self) -> None:
        self._said: dict[uuid.UUID, str] = {}

    def update(self, job: Job) -> None:
        """Print where the job is, unless that has been said."""
        step = str(outcome_line(job)) if job.finished else f"  {printable(job.document.name)}  {_step(job)}"
        if self._said.get(job.id) != step:
            self._said[job.id] = step
            click.echo(step)


class Bars(Viewer):
    """A bar for each job that is under way, and one for all; a line for each outcome above them."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._room = max(1, out.height - ROOM_BESIDES)
        self._rows: dict[uuid.UUID, TaskID] = {}
        self._outcomes: set[uuid.UUID] = set()
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[stage]}", style="cyan", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[amount]}", markup=False),
            TimeElapsedColumn(),
            console=out,
            transient=True,
        )
        self._all = self._progress.add_task("all", visible=False, stage="", amount="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, job: Job) -> None:
        """Move the job's bar; a job that is over leaves a line instead."""
        if job.finished:
            self._finish(job)
        else:
            self._move(job)
        self._count()

    def _finish(self, job: Job) -> None:
        row = self._rows.pop(job.id, None)
        if row is not None:
            self._progress.remove_task(row)
        self._outcomes.add(job.id)
        self._progress.console.print(outcome_line(job))

    def _move(self, job: Job) -> None:
        if job.id not in self._rows:
            self._rows[job.id] = self._progress.add_task(clipped(job.document.name, NAME_WIDTH), stage="", amount="")
            self._backdate(self._rows[job.id], job)
        row, stage = self._rows[job.id], current(job)
        name = stage.name if stage else ""
        if stage is not None and stage.status is StageStatus.RUNNING:
            # Without a total the bar pulses: something happens, nobody knows how much is left.
            done = stage.done or 0
            self._progress.update(row, completed=done, total=stage.total, stage=name, amount=amount(stage))
        else:
            self._progress.update(row, completed=0, total=1, stage=name, amount=stage.status if stage else "")

    def _backdate(self, row: TaskID, job: Job) -> None:
        """Let the clock of the bar start when the job was submitted, not when somebody began to watch."""
        age = max(0.0, (datetime.now(UTC) - job.created_at).total_seconds())
        self._progress.tasks[self._progress.task_ids.index(row)].start_time = self._progress.get_time() - age

    def _count(self) -> None:
        over, known = len(self._outcomes), len(self._outcomes) + len(self._rows)
        for place, task in enumerate(self._progress.tasks):
            task.visible = place < self._room
        self._progress.update(self._all, completed=over, total=known, amount=f"{over}/{known} jobs", visible=known > 1)


def current(job: Job) -> Stage | None:
    """The stage that runs or is next."""
    for wanted in (StageStatus.RUNNING, StageStatus.READY, StageStatus.WAITING):
        for stage in job.stages:
            if stage.status is wanted:
                return stage
    return None


def amount(stage: Stage | None) -> str:
    """`3/12 pages`, as far as it is known."""
    if stage is None or stage.done is None:
        return ""
    of_all = f"/{stage.total:,}" if stage.total else ""
    return f"{stage.done:,}{of_all} {stage.unit or ''}".rstrip()


def _step(job: Job) -> str:
    stage = current(job)
    if stage is None:
        return str(job.status)
    return f"{stage.name} {stage.status}"
