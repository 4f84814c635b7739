"""The whole service for a test or a benchmark: started, ready, and stopped at the end of a `with` block."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.development.server import ServerError, free_ports
from app.stack.console import Console
from app.stack.whole import Plan, Stack, plan, running
from config.settings import Settings

READY_SECONDS = 120


@contextmanager
def service(
    home: Path,
    *,
    with_flower: bool = False,
    planned: Callable[[Plan], Plan] = lambda plan: plan,
    **changes: Any,
) -> Iterator[Stack]:
    """Run the service with changed settings; without URLs among them, on the embedded default.

    Every process's lines are in `home`/logs. `planned` may change what will run, such as a second worker.

    Raises:
        ServerError: some process did not come up; names it and the end of its log.
    """
    if with_flower:
        changes.setdefault("flower_port", free_ports(1)[0])  # the usual one is the user's
    wanted = planned(plan(Settings(home=home, **changes), with_flower=with_flower))
    logs = wanted.home.folder("logs")
    with (
        Console(io.StringIO(), wanted.names, folder=logs, quiet=True) as console,
        running(wanted, console) as stack,
    ):
        missing = stack.wait_ready(READY_SECONDS)
        if missing:
            tails = "\n".join(f"{name}: {_tail(logs / f'{name}.log')}" for name in missing)
            raise ServerError(f"not ready after {READY_SECONDS} s: {', '.join(missing)}\n{tails}")
        yield stack


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:] if log.is_file() else "no log"
