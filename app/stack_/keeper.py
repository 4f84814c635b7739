"""Keeps one process running: starts it, passes its lines on, starts it again when it dies, stops it."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

LONGEST_PAUSE: Final = 30.0
LONG_ENOUGH: Final = 60.0
"""A process that ran so long was fine; the next restart begins at one second again."""


def pause_after(failures: int) -> float:
    """Seconds to wait before the next start: 1, 2, 4 … 30."""
    return min(LONGEST_PAUSE, 2.0 ** min(failures - 1, 10))


def ending(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with status {code}"
    with contextlib.suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


@dataclass(frozen=True)
class Command:
    """What to run and how."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)  # added to ours
    folder: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM


class Keeper:
    """One process that is started again whenever it ends by itself.

    Each runs in a session of its own, so that Ctrl-C in a terminal reaches only us and we decide the order.
    """

    def __init__(
        self,
        command: Command,
        *,
        line: Callable[[str, str], None],
        say: Callable[[str, str], None],
        started: Callable[[int], None] = lambda _: None,
        died: Callable[[], object] = lambda: None,
    ) -> None:
        """Prepare; nothing runs until `start`.

        Args:
            command: what to keep running.
            line: called with the name and each line the process writes.
            say: called with what happened to the process, and its name.
            started: called with the process's number after every start.
            died: called when it ended by itself, before it is started again: clear up after it here.
        """
        self.command = command
        self._line = line
        self._say = say
        self._started = started
        self._died = died
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._guarding = threading.Lock()
        self._thread = threading.Thread(target=self._keep, name=f"keep-{command.name}", daemon=True)

    def start(self) -> None:
        """Start the process and keep it running.

        Raises:
            OSError: the very first start failed; there is no such program.
        """
        self._launch()
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The process's number, None while it does not run."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def ask_to_stop(self) -> None:
        """Send the stop signal and start it no more; returns at once."""
        with self._guarding:  # no start may slip in between the flag and the signal
            self._stopping.set()
            if self._process is not None:
                self._process.send_signal(self.command.stop_signal)

    def wait(self, seconds: float) -> bool:
        """Wait until it is over after `ask_to_stop`; return whether it is."""
        if self._thread.is_alive():
            self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def kill(self) -> None:
        """End the process and its group at once."""
        process = self._process
        if process is not None and process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _launch(self) -> bool:
        with self._guarding:
            if self._stopping.is_set():
                return False
            self._process = subprocess.Popen(
                self.command.argv,
                cwd=self.command.folder,
                env={**os.environ, **self.command.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started(self._process.pid)
        return True

    def _keep(self) -> None:
        failures = 0
        while self._process is not None:
            begun = time.monotonic()
            code = self._attend(self._process)
            if self._stopping.is_set():
                return
            self._died()
            failures = 1 if time.monotonic() - begun >= LONG_ENOUGH else failures + 1
            pause = pause_after(failures)
            self._say(f"{ending(code)}; starting it again in {pause:g} s", self.command.name)
            if self._stopping.wait(pause) or not self._relaunch():
                return

    def _relaunch(self) -> bool:
        """Start again, whatever it takes: a machine short of processes or memory recovers."""
        while True:
            try:
                return self._launch()
            except OSError as error:
                self._say(f"cannot be started: {error}; trying again", self.command.name)
                if self._stopping.wait(LONGEST_PAUSE):
                    return False

    def _attend(self, process: subprocess.Popen[bytes]) -> int:
        """Pass lines on until the process has ended; return its exit status."""
        if process.stdout is None:
            raise RuntimeError("the process was started without a pipe")
        # Children may hold the pipe open after the process itself has gone, so reading is not waiting.
        reader = threading.Thread(target=self._read, args=(process.stdout,), name="lines", daemon=True)
        reader.start()
        code = process.wait()
        reader.join(timeout=1)
        return code

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe, contextlib.suppress(ValueError):
            # A "line" without end must not fill the memory.
            while chunk := pipe.readline(64 * 1024):
                self._line(self.command.name, chunk.decode(errors="replace").rstrip())
