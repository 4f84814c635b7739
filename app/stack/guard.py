"""A small process that stops what its starter started, should the starter die without doing so.

A `kill -9` leaves no time for a clean stop, and what it orphans would work on unseen. The kernel's
parent-death signal reaches direct children only and fires when the starting *thread* ends; process
groups miss whoever opens a session of its own. So everything started carries one mark in its
environment, which all descendants inherit, and the guard, which waits on a pipe from its starter,
finds it by that mark when the pipe closes.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final

import psutil

MARK: Final = "DOCRELAY_STARTED_BY"
GENTLE_SECONDS: Final = 20
"""How long a process that was given to `stop_gently` may take before it is killed after all."""

_ROOT = Path(__file__).resolve().parents[2]


class Guard:
    """Watches over what this process starts; use as a context manager.

    Give `environment(name)` to every process to be watched. It is killed, with all its descendants,
    when this process has ended, however it ended.
    """

    def __init__(self) -> None:
        """Nothing runs until the guard is entered."""
        self.mark = uuid.uuid4().hex
        self._process: subprocess.Popen[bytes] | None = None

    def environment(self, name: str) -> dict[str, str]:
        """The variable that marks a process, and all that it starts, as ours."""
        return {MARK: f"{self.mark}/{name}"}

    def kill(self, name: str = "") -> list[psutil.Process]:
        """Kill what was started under this name, or everything; return those that were found."""
        return kill_marked(f"{self.mark}/{name}" if name else self.mark)

    def __enter__(self) -> "Guard":
        """Start the guard's process."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app.stack.guard", self.mark],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in a terminal goes to the whole group, and is not for us
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Let the guard look for leftovers once more, then end."""
        if self._process is not None:
            with contextlib.suppress(BrokenPipeError):
                self._pipe.close()
            self._process.wait(GENTLE_SECONDS + 10)

    def stop_gently(self, pid: int, with_signal: signal.Signals) -> None:
        """Have this one process told by a signal, and not killed at once: a database must flush."""
        with contextlib.suppress(BrokenPipeError):  # a guard that was killed protects nobody, and harms nobody
            self._pipe.write(f"{pid} {int(with_signal)}\n".encode())
            self._pipe.flush()

    @property
    def _pipe(self) -> IO[bytes]:
        if self._process is None or self._process.stdin is None:
            raise RuntimeError("the guard has not been started")
        return self._process.stdin


def marked(mark: str) -> list[psutil.Process]:
    """Every living process that carries the mark, but this one."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # gone meanwhile, or somebody else's
            carried = process.environ().get(MARK, "")
            if f"{carried}/".startswith(f"{mark}/") and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return [process for process in found if process.pid != os.getpid()]


def kill_marked(mark: str, seconds: float = 5) -> list[psutil.Process]:
    """Kill every process that carries the mark; return those that were found.

    Looks again until none is left, since a process may start another while we look.
    """
    killed: dict[int, psutil.Process] = {}
    deadline = time.monotonic() + seconds
    while (left := marked(mark)) and time.monotonic() < deadline:
        for process in left:
            killed[process.pid] = process
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=0.5)
    return list(killed.values())


def _tell(gentle: Iterable[tuple[psutil.Process, int]]) -> None:
    told = []
    for process, number in gentle:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)  # refuses a process that merely has the same number
            told.append(process)
    for process in psutil.wait_procs(told, timeout=GENTLE_SECONDS)[1]:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _watch(mark: str, pipe: IO[str]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the end of the pipe ends the guard
    gentle = []
    for line in pipe:
        pid, number_of_signal = line.split()
        with contextlib.suppress(psutil.Error):
            gentle.append((psutil.Process(int(pid)), int(number_of_signal)))
    kill_marked(mark)
    _tell(gentle)


if __name__ == "__main__":
    _watch(sys.argv[1], sys.stdin)
