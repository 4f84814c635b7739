"""Recurring tasks of a user's own, loaded by DOCRELAY_TASK_MODULES."""

import time
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import text

from app.schedule.recurring import NoArguments, Run, recurring, refused


class Slow(BaseModel):
    """How long to take."""

    model_config = ConfigDict(extra="forbid")
    seconds: float


@recurring("nothing", NoArguments)
def nothing(run: Run, _: NoArguments) -> dict[str, Any]:
    """Do nothing, quickly."""
    return {"rehearsal": run.rehearsal}


@recurring("slow", Slow)
def slow(run: Run, arguments: Slow) -> dict[str, Any]:
    """Take a while, and listen meanwhile."""
    until = time.monotonic() + arguments.seconds
    while time.monotonic() < until:
        run.check()
        time.sleep(0.05)
    return {}


@recurring("refuse", NoArguments)
def refuse(run: Run, _: NoArguments) -> dict[str, Any]:
    """Never go well."""
    raise refused("no_use", "it cannot be done")


@recurring("sneak", NoArguments)
def sneak(run: Run, _: NoArguments) -> dict[str, Any]:
    """Write in what claims to read."""
    run.read(lambda connection: connection.execute(text("update schedule_entries set paused_by = 'sneak'")))
    return {}
