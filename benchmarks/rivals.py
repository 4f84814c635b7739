"""The workers of Celery chains, for the time of a measurement."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.stack.console import Console
from app.stack.fleet import Role
from app.stack.supervisor import Supervisor
from benchmarks.chain import STEPS, Setting, make_app, send
from benchmarks.cpu import Used, used
from benchmarks.service import LOOK_SECONDS, TooSlow

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Rival:
    """A Celery app with its running workers, one for each queue."""

    setting: Setting
    app: Any
    supervisor: Supervisor

    def used(self) -> Used:
        """CPU seconds until now; `service` is the workers'."""
        return used([pid for pid in self.supervisor.pids().values() if pid is not None])

    def run(self, count: int, seconds: float) -> tuple[float, float]:
        """Send so many chains and wait for their ends; seconds until sent, and until ended.

        Raises:
            TooSlow: not within `seconds`.
        """
        before, started = self.setting.ended(), time.monotonic()
        send(self.app, self.setting, count)
        sent = time.monotonic()
        while self.setting.ended() < before + count:
            if time.monotonic() > started + seconds:
                raise TooSlow(f"{self.setting.ended() - before} of {count} chains had ended after {seconds:g} s")
            time.sleep(LOOK_SECONDS)
        return sent - started, time.monotonic() - started


@contextmanager
def rival(setting: Setting, slots: dict[str, int]) -> Iterator[Rival]:
    """Start the workers and wait until a first chain has passed through them.

    Raises:
        TooSlow: none had in a minute.
    """
    Path(setting.ended_file).touch()
    roles = [_worker(setting.queue(step), slots[step]) for step in STEPS]
    with (
        Console(sys.stderr, [role.name for role in roles], quiet=True) as console,
        Supervisor(roles, console, environment=setting.environment, folder=ROOT) as supervisor,
    ):
        started = Rival(setting, make_app(setting), supervisor)
        started.run(1, START_SECONDS)
        yield started


def _worker(queue: str, slots: int) -> Role:
    options = ["--queues", queue, "--pool", "threads", "--concurrency", str(slots), "--hostname", f"{queue}@%h"]
    argv = [sys.executable, "-m", "celery", "-A", "benchmarks.chain", "--quiet", "worker", *options]
    return Role(queue, (*argv, "--without-gossip", "--without-mingle"), "empty tasks")
