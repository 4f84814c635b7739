"""All processes that a document's work has started: found, measured, ended.

They are found by the kernel's lists of children. That is complete below a process that adopts orphans (see `warden`):
whatever forks twice, changes its session or its environment stays a descendant of it.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

END_SECONDS = 5.0
"""After SIGKILL a process is gone in milliseconds, unless the kernel itself hangs, as on a dead network disk."""

PAUSE_SECONDS = 0.002
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def members(root: int) -> list[int]:
    """The descendants of a process, the nearest and oldest first; not the process itself."""
    found: list[int] = []
    waiting = _children(root)
    while waiting:
        found += waiting
        waiting = [child for pid in waiting for child in _children(pid) if child not in found]
    return found


def _children(pid: int) -> list[int]:
    if not _kernel_lists():
        with suppress(psutil.Error):
            return [child.pid for child in psutil.Process(pid).children()]
        return []
    found: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += map(int, (thread / "children").read_bytes().split())
    return sorted(found)


@cache
def _kernel_lists() -> bool:
    """Whether this kernel lists children (CONFIG_PROC_CHILDREN); else all processes of the machine are looked at."""
    return Path("/proc/thread-self/children").exists()


def memory(pids: Iterable[int]) -> int:
    """Bytes that processes hold together; what forks still share counts once."""
    processes = list(pids)
    if len(processes) == 1:  # nobody to share with, and much cheaper to read
        return _resident(processes[0])
    return sum(map(_proportional, processes))


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return _resident(pid)
    return 0


def end(root: int, reap: Callable[[], object] = lambda: None) -> bool:
    """Kill all descendants of a process; False if some are there still after `END_SECONDS`.

    All are stopped before the first is killed: what only kills loses the race against a program that forks.
    `reap` is called in between, so that those that the caller has adopted can go.
    """
    give_up = time.monotonic() + END_SECONDS
    while alive := _alive(root):
        stopped: set[int] = set()
        while (new := alive - stopped) and time.monotonic() < give_up:
            _signal(new, signal.SIGSTOP)
            stopped |= new
            alive = _alive(root)
        _signal(stopped | alive, signal.SIGKILL)
        reap()
        if time.monotonic() > give_up:
            return False
        time.sleep(PAUSE_SECONDS)
    reap()
    return True


def _alive(root: int) -> set[int]:
    return {pid for pid in members(root) if not _is_zombie(pid)}


def _is_zombie(pid: int) -> bool:
    try:
        # The name before the state is in parentheses, and may hold anything, parentheses too.
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except (OSError, IndexError):
        return True


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
