"""Tasks for the schedule: how one is registered, and what it is given when it runs.

    class Arguments(BaseModel, extra="forbid"):
        folder: Path

    @recurring("count-files", Arguments)
    def count_files(run: Run, arguments: Arguments) -> dict[str, Any]:
        return {"files": sum(1 for _ in arguments.folder.iterdir())}

A module with such functions is named in DOCRELAY_TASK_MODULES. What a task returns is kept with its run.
"""

import importlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select, text, update

from app.isolation import WorkRefused
from app.isolation.protocol import Refusal
from app.schedule import ledger
from app.work import Work
from config.settings import settings
from docrelay.names import ErrorClass, RunKind
from docrelay.tables import ScheduleRun

OURS = "tasks.recur"
"""Named, not imported: it knows documents, which the service does not."""

Given = TypeVar("Given", bound=BaseModel)


class NoArguments(BaseModel):
    """For a task that takes none."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class RecurringTask:
    """A task by name, with the model of its arguments."""

    name: str
    arguments: type[BaseModel]
    function: Callable[["Run", Any], dict[str, Any]]


_registered: dict[str, RecurringTask] = {}


def recurring(
    name: str, arguments: type[Given]
) -> Callable[[Callable[["Run", Given], dict[str, Any]]], Callable[["Run", Given], dict[str, Any]]]:
    """Register a function under the name that schedule.toml calls it by."""

    def register(function: Callable[["Run", Given], dict[str, Any]]) -> Callable[["Run", Given], dict[str, Any]]:
        _registered[name] = RecurringTask(name, arguments, function)
        return function

    return register


def recurring_tasks() -> Mapping[str, RecurringTask]:
    """All tasks by name, ours and those of DOCRELAY_TASK_MODULES."""
    for module in [OURS, *filter(None, settings().task_modules.split(","))]:
        importlib.import_module(module)
    return _registered


def argument_models() -> dict[str, type[BaseModel]]:
    """What each task takes."""
    return {name: task.arguments for name, task in recurring_tasks().items()}


def refused(code: str, message: str) -> WorkRefused:
    """The error of a run that cannot go well however often it is tried; raise it."""
    return WorkRefused(Refusal(ErrorClass.PERMANENT, code, message, ""))


def try_later(code: str, message: str) -> WorkRefused:
    """The error of a run that may go well later; raise it."""
    return WorkRefused(Refusal(ErrorClass.TRANSIENT, code, message, ""))


@dataclass(frozen=True, slots=True)
class Order:
    """What a run is to do."""

    id: uuid.UUID
    entry: str
    kind: RunKind
    due_at: datetime
    task: str
    arguments: dict[str, Any]


def order_of(connection: Connection, job_id: uuid.UUID) -> Order | None:
    """The order that a job was made for."""
    columns = select(
        ScheduleRun.id, ScheduleRun.entry, ScheduleRun.kind, ScheduleRun.due_at, ScheduleRun.task, ScheduleRun.arguments
    )
    row = connection.execute(columns.where(ScheduleRun.job_id == job_id)).one_or_none()
    if row is None:
        return None
    return Order(row.id, row.entry, RunKind(row.kind), row.due_at, row.task or "", row.arguments)


class Run:
    """A run under way, as its task sees it."""

    def __init__(self, work: Work, order: Order) -> None:
        """Run an order under the lease of its job."""
        self._work = work
        self.order = order

    @property
    def rehearsal(self) -> bool:
        """Whether nothing may be changed: say what would be done instead."""
        return self.order.kind is RunKind.REHEARSAL

    @property
    def job_id(self) -> uuid.UUID:
        """The job of this run."""
        return self._work.claim.job_id

    def check(self) -> None:
        """Raise if the run is no longer wanted; call it between steps that take long."""
        self._work.check()

    def progress(self, done: int, total: int, unit: str) -> None:
        """So many of so many are done."""
        self._work.unit = unit
        self._work.progress(done, total)

    def read(self, query: Callable[[Connection], Any]) -> Any:
        """Run a query; in a rehearsal Postgres refuses to let it change anything."""

        def guarded(connection: Connection) -> Any:
            if self.rehearsal:
                connection.execute(text("set transaction read only"))
            return query(connection)

        return self._work.read(guarded)

    def write(self, effects: Callable[[Connection], Any]) -> Any:
        """Commit a step of the run, and return what it returns; None in a rehearsal, where nothing is done.

        A step must be right when it is done twice: a commit whose answer was lost is tried again.
        """
        return None if self.rehearsal else self._work.write(effects)

    def keep(self, report: dict[str, Any]) -> None:
        """Keep what there is to say even if the run fails after this."""
        self._work.write(lambda connection: self.keep_within(connection, report))

    def keep_within(self, connection: Connection, report: dict[str, Any]) -> None:
        """Within `write`: keep what there is to say."""
        connection.execute(update(ScheduleRun).where(ScheduleRun.id == self.order.id).values(detail=report))

    def kept(self, connection: Connection) -> dict[str, Any]:
        """Within `write`: what an earlier try of this run has kept, for steps that must not be done twice."""
        statement = select(ScheduleRun.detail).where(ScheduleRun.id == self.order.id).with_for_update()
        return dict(connection.scalars(statement).one())

    def made(self, connection: Connection, job_ids: list[uuid.UUID]) -> None:
        """Within `write`: the run made these jobs."""
        ledger.made(connection, self.order.id, job_ids)
