"""The service, as `up` runs it, in a folder of its own and apart from any other of this user's."""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

from app.stack.console import Console
from app.stack.whole import Stack, plan, running
from config.settings import PREFIX, Settings
from docrelay.errors import Unavailable

READY_SECONDS = 60
ELSEWHERE = (
    "DATABASE_URL",
    "BROKER_URL",
    "BROKER_API_URL",
    "STORAGE_URL",
    "HOME",
    "WEBHOOK_SECRET",
    "TASK_MODULES",
    "NOTIFY_FILE",
)
"""Settings that would lead the demo's documents into somebody's real service."""


@contextlib.contextmanager
def service(home: Path) -> Iterator[Stack]:
    """The embedded stack, ready; it is stopped at the end of the `with` block.

    Raises:
        Unavailable: it did not get ready in time; the message ends with what its processes said last.
    """
    for name in ELSEWHERE:
        os.environ.pop(f"{PREFIX}{name}", None)
    wanted = plan(Settings(home=home, delivery_allow="127.0.0.1"), with_flower=False)
    said = io.StringIO()
    with (
        Console(said, wanted.names, folder=wanted.home.folder("logs")) as console,
        running(wanted, console) as stack,
    ):
        if missing := stack.wait_ready(READY_SECONDS):
            lines = "\n".join(said.getvalue().splitlines()[-20:])
            raise Unavailable(f"not ready after {READY_SECONDS} s: {', '.join(missing)}\n{lines}")
        yield stack
