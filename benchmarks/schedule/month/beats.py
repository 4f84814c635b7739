"""Beat processes that can be killed, stopped, frozen and started by hand."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from app.schedule.beat import Scheduler
from app.stack.guard import Guard
from benchmarks.schedule.month.clock import live_by_it

PAUSE_SECONDS = 0.02
"""Real seconds between looks: a second of Beat's own would be half an hour of ours."""

STOP_SECONDS = 20.0


class Hurried(Scheduler):
    """Beat's scheduler, for a clock that runs faster."""

    def setup_schedule(self) -> None:
        """Prepare to lead."""
        live_by_it()
        super().setup_schedule()

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """One round, and a short pause."""
        return min(PAUSE_SECONDS, super().tick(*args, **kwargs))


class Beats:
    """So many Beats; leaving the block kills those that are left."""

    def __init__(self, count: int, environment: Mapping[str, str], log: Path) -> None:
        """Start none yet."""
        self._running: dict[int, subprocess.Popen[bytes] | None] = dict.fromkeys(range(count))
        self._frozen: set[int] = set()
        # Should we be killed, they are too.
        self._guard = Guard()
        self._environment = {**os.environ, **environment, **self._guard.environment("beats")}
        self._log = log
        self.started = 0

    def __enter__(self) -> Self:
        self._guard.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in self._running:
            self.kill(number)
        self._guard.__exit__()

    @property
    def alive(self) -> list[int]:
        """Those that run and are not frozen."""
        return [number for number, process in self._running.items() if process and number not in self._frozen]

    @property
    def down(self) -> list[int]:
        """Those that do not run."""
        return [number for number, process in self._running.items() if process is None]

    def number_of(self, pid: int) -> int | None:
        """Which one has this pid, and is alive."""
        return next((number for number in self.alive if self._of(number).pid == pid), None)

    def _of(self, number: int) -> "subprocess.Popen[bytes]":
        process = self._running[number]
        assert process is not None
        return process

    def start(self, number: int) -> None:
        """Start one that is down."""
        scheduler = f"{__name__}:{Hurried.__name__}"
        with self._log.open("ab") as log:
            self._running[number] = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "app", "--quiet", "beat", "--scheduler", scheduler],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        self.started += 1

    def kill(self, number: int) -> None:
        """As kill -9 does."""
        if (process := self._running[number]) is not None:
            process.kill()
            process.wait()
        self._forget(number)

    def stop(self, number: int) -> None:
        """Ask it to stop, and wait until it has."""
        process = self._of(number)
        process.terminate()
        process.wait(STOP_SECONDS)
        self._forget(number)

    def _forget(self, number: int) -> None:
        self._running[number] = None
        self._frozen.discard(number)

    def freeze(self, number: int) -> None:
        """Let it stand still wherever it is."""
        self._of(number).send_signal(signal.SIGSTOP)
        self._frozen.add(number)

    def thaw(self) -> None:
        """Let all that are frozen go on, as if nothing had been."""
        for number in self._frozen:
            self._of(number).send_signal(signal.SIGCONT)
        self._frozen.clear()
