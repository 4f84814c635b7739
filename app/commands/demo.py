"""`python -m app demo`: see it work, and see it fail properly."""

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.text import Text

from app.demo.receiver import Receiver
from app.demo.service import service
from app.demo.story import Story, heading, step
from docrelay import Client

WIDTH = 100
"""In a pipe; a terminal has its own."""


@click.command()
@click.option("--keep", is_flag=True, help="Leave the demo's folder: documents, database, logs.")
def command(keep: bool) -> None:
    """Start the whole service, send a dozen documents through it, show what became of each.

    It has a temporary folder of its own and touches nothing else. Exit status 0 only if everything went
    as it has to: broken documents too.
    """
    out = Console(highlight=False)
    if not out.is_terminal:
        out = Console(highlight=False, width=WIDTH)
    begun = time.monotonic()
    with _terminable(), _home(out, keep=keep) as home:
        good = _run(out, home)
    out.print(f"{time.monotonic() - begun:.0f} s in all, starting and stopping included")
    sys.exit(0 if good else 1)


def _run(out: Console, home: Path) -> bool:
    documents = home / "documents"
    documents.mkdir()
    with ExitStack() as cleanup:
        with step(out, "Starting Postgres, dispatcher, workers and Beat"):
            stack = cleanup.enter_context(service(home / "service"))
        master = stack.plan.settings.webhook_secret.get_secret_value()
        receiver = cleanup.enter_context(Receiver(master))
        client = cleanup.enter_context(Client(stack.database_url))
        story = Story(out, client, receiver, documents)
        story.tell()
        good = _verdict(out, story)
        out.print()
        with step(out, "Stopping"):
            cleanup.close()
    return good


def _verdict(out: Console, story: Story) -> bool:
    heading(out, "Promised and kept?", "")
    for check in story.checks:
        sign = Text("✓ ", "green") if check.kept else Text("✗ ", "bold red")
        out.print(Text.assemble(sign, check.promise, "" if check.kept else f" – NOT SO: {check.but}"))
    return all(check.kept for check in story.checks)


@contextmanager
def _home(out: Console, *, keep: bool) -> Iterator[Path]:
    """A folder for everything that the demo makes."""
    home = Path(tempfile.mkdtemp(prefix="docrelay-demo-"))
    try:
        yield home
    finally:
        if keep:
            out.print(f"Kept: {home}. Look around with DOCRELAY_HOME={home}/service python -m app up")
        else:
            shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM unwind the `with` blocks, as Ctrl-C does."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
