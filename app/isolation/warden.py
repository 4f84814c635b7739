"""The warden: a small process between a worker and its document process.

It adopts whatever the document's work leaves behind, so that a double fork or a new session is no way out. When the
document process ends, or the worker does, it kills all of them, removes their folder, and leaves a last word: how the
document process ended, and the most memory that it held. Only the kernel knows that of a process that died at once, and
tells it to whoever waits for the process.
"""

import ctypes
import os
import signal
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.isolation import family, scratch

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
WATCHED = {signal.SIGTERM, signal.SIGCHLD}
LAST_WORD = struct.Struct(">qQ")
KIB = 1024


@dataclass(frozen=True, slots=True)
class LastWord:
    """How a document process ended: exit status (negative: the signal), and bytes at its peak."""

    code: int
    peak: int

    def encode(self) -> bytes:
        """As it goes through the pipe."""
        return LAST_WORD.pack(self.code, self.peak)

    @classmethod
    def decode(cls, data: bytes) -> "LastWord | None":
        """From the pipe; None if the warden itself was killed."""
        return cls(*LAST_WORD.unpack(data)) if len(data) == LAST_WORD.size else None


def split(last_word: int, lock: int, folder: str) -> None:
    """Become two processes: the call returns in the document process, and never in its warden.

    `last_word` is the pipe for the last word; `lock`, of the folder, is held by the warden as long as it lives.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # not SIGKILL: there is something to be done
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    warden = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(last_word)
        os.close(lock)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != warden:
            os._exit(1)
        return
    code = 1
    try:
        code = _Watch(pid).run(last_word, folder)
    finally:
        os._exit(code)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)


class _Watch:
    """Waits for the document process, and tidies up after it."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = 0
        self._status: int | None = None

    def run(self, last_word: int, folder: str) -> int:
        # Only the document's side may hold the pipes: the worker learns of its end by theirs.
        for pipe in (0, 1):
            os.close(pipe)
        while self._status is None and signal.sigwait(WATCHED) != signal.SIGTERM:
            self._reap()
        family.end(os.getpid(), self._reap)
        code = os.waitstatus_to_exitcode(self._status) if self._status is not None else -signal.SIGKILL
        with suppress(OSError):  # the worker is gone, and nobody reads it
            os.write(last_word, LastWord(code, self._peak).encode())
        scratch.remove(Path(folder))
        return 0

    def _reap(self) -> None:
        """Take leave of the document process and of all that were adopted, as far as they have ended."""
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._peak = max(self._peak, used.ru_maxrss * KIB)
            if pid == self._pid:
                self._status = status
