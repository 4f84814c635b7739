"""`python -m app up`: everything on this machine, nothing to install."""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

import click
from sqlalchemy.engine import make_url

from app.stack.console import Console
from app.stack.whole import Plan, Stack, plan, running
from config.settings import settings

READY_SECONDS = 120
"""The first start loads the model from a cold disk."""


@click.command()
@click.option("--no-flower", is_flag=True, help="Leave Flower, the live view, out.")
@click.option("--quiet", is_flag=True, help="Show only what happens to the processes; their lines are in logs/.")
def command(no_flower: bool, quiet: bool) -> None:
    """Run the whole service here until Ctrl-C: database, dispatcher, workers, Beat, Flower.

    Without DOCRELAY_DATABASE_URL and DOCRELAY_BROKER_URL both are embedded, in DOCRELAY_HOME.
    """
    wanted = plan(settings(), with_flower=not no_flower)
    logs = wanted.home.folder("logs")
    with Console(sys.stdout, wanted.names, folder=logs, quiet=quiet) as console, _stop_signals() as stop:
        console.say(f"starting in {wanted.home.path}")
        with running(wanted, console) as stack:
            stop.stack = stack
            for text in _where(wanted, stack):
                console.say(text)
            threading.Thread(target=_announce, args=(stack, console, stop), name="ready", daemon=True).start()
            stop.wait()
            console.say("stopping (again to stop at once)")
    click.echo("stopped")


class _Interrupted(KeyboardInterrupt):
    """Python ends with status 130 once a plain one came out of `exec`, as dataclasses use it, caught or not."""


class _Stop:
    """Whether somebody asked us to stop. Plain attributes: a signal handler must not take locks."""

    def __init__(self) -> None:
        self.asked = False
        self.stack: Stack | None = None

    def heed(self, _number: int, _frame: FrameType | None) -> None:
        again, self.asked = self.asked, True
        if self.stack is not None:
            if again:
                self.stack.supervisor.hurry()
        elif not again:
            # Still starting: the `with` blocks undo what was done. A library may swallow this: `wait` sees it, too.
            raise _Interrupted

    def wait(self) -> None:
        while not self.asked:
            time.sleep(0.2)


@contextlib.contextmanager
def _stop_signals() -> Iterator[_Stop]:
    stop = _Stop()
    before = {
        number: signal.signal(number, stop.heed)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN  # as under nohup
    }
    try:
        yield stop
    except KeyboardInterrupt:
        pass  # what had been started is stopped by now
    except Exception as error:
        # So is it here: an interrupted library may say that its server is away. Said, since it may be something else.
        if not stop.asked or stop.stack is not None:
            raise
        click.echo(f"stopped while starting: {type(error).__name__}: {error}", err=True)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _announce(stack: Stack, console: Console, stop: _Stop) -> None:
    missing = stack.wait_ready(READY_SECONDS)
    if stop.asked:
        return
    if missing:
        console.say(f"not ready after {READY_SECONDS} s: {', '.join(missing)}; see {stack.plan.home.path}/logs")
    else:
        console.say("ready")


def _where(wanted: Plan, stack: Stack) -> list[str]:
    shown = make_url(stack.database_url).render_as_string(hide_password=True)
    lines = [
        f"logs      {wanted.home.path / 'logs'}",
        f"database  {shown}",
    ]
    if wanted.flower:
        user, password = wanted.settings.flower_user, wanted.settings.flower_password.get_secret_value()
        lines.append(f"flower    http://{wanted.flower.host}:{wanted.flower.port}  user {user}  password {password}")
    return lines
