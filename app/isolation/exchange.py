"""One call on the wire: write the request, read answers, look at the limits in between."""

import os
import selectors
import subprocess
import time
from typing import IO, Protocol

import msgspec

from app.isolation import family
from app.isolation.failures import AnswerGarbled
from app.isolation.limits import MIB, Limits
from app.isolation.protocol import ANSWERS, HEADER, Progress, Refusal, Result, Started
from app.isolation.scratch import Scratch

TICK_SECONDS = 0.25
"""How often limits and the claim are looked at: far below the 2 s in which a cancellation must take."""

SOONEST_SECONDS = 0.005
"""The same near the limit on memory. A look costs a tenth of a millisecond."""

FASTEST = 8192 * MIB
"""Bytes that a program can take in a second. The next look is due before what is left is gone at that rate."""

READ_BYTES = MIB


class Watch(Protocol):
    """Whoever waits for a call: may stop it by raising from `check`."""

    def check(self) -> None:
        """Raise to have the process killed."""

    def progress(self, done: int, total: int) -> None:
        """So many of so many are done."""


class Ended(Exception):  # noqa: N818
    """The process closed its output."""


class Exchange:
    """One call of the process below the warden `process`."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", scratch: Scratch, request: bytearray, limits: Limits, watch: Watch
    ) -> None:
        """Prepare; `run` does it."""
        self._warden = process.pid
        self._input: IO[bytes] = process.stdin  # type: ignore[assignment]
        self._output: IO[bytes] = process.stdout  # type: ignore[assignment]
        self._scratch = scratch
        self._request = memoryview(request)
        self._limits = limits
        self._watch = watch
        self._buffer = bytearray()
        self._began = self._heard = time.monotonic()
        self._ticked, self._pause = 0.0, TICK_SECONDS
        self.peak = 0
        """Bytes that it was seen to hold at most, with all it had started."""
        self.helpers: list[int] | None = None
        """What the process had started before it took its first call; None unless it said so just now."""

    @property
    def seconds(self) -> float:
        """Since the call began."""
        return time.monotonic() - self._began

    def run(self) -> Result | Refusal:
        """Exchange until there is an answer that is not progress.

        Raises:
            Ended: the process is gone.
            LimitHit, AnswerGarbled: it must go.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            selector.register(self._input, selectors.EVENT_WRITE)
            while True:
                for key, _ in selector.select(self._pause):
                    if key.fileobj is self._input:
                        self._write(selector)
                    else:
                        self._read()
                if (answer := self._decode()) is not None:
                    return answer
                self._tick()

    def _write(self, selector: selectors.BaseSelector) -> None:
        try:
            written = os.write(self._input.fileno(), self._request)
        except BlockingIOError:
            return
        except BrokenPipeError:
            raise Ended from None
        self._heard = time.monotonic()
        self._request = self._request[written:]
        if not self._request:
            selector.unregister(self._input)

    def _read(self) -> None:
        try:
            data = os.read(self._output.fileno(), READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            raise Ended
        self._buffer += data
        self._heard = time.monotonic()

    def _decode(self) -> Result | Refusal | None:
        while len(self._buffer) >= HEADER.size:
            (length,) = HEADER.unpack_from(self._buffer)
            self._limits.check_answer(length)  # before it is here: the worker holds it too
            if len(self._buffer) < HEADER.size + length:
                return None
            try:
                answer = ANSWERS.decode(bytes(self._buffer[HEADER.size : HEADER.size + length]))
            except msgspec.DecodeError as error:
                raise AnswerGarbled(error) from None
            del self._buffer[: HEADER.size + length]
            if isinstance(answer, Result | Refusal):
                return answer
            if isinstance(answer, Started):
                self.helpers = answer.helpers
            elif isinstance(answer, Progress):
                self._watch.progress(answer.done, answer.total)
        return None

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self._ticked < self._pause:
            return
        self._ticked = now
        processes = family.members(self._warden)
        used = family.memory(processes)
        self.peak = max(self.peak, used)
        left = self._limits.memory_mb * MIB - used
        self._pause = min(TICK_SECONDS, max(SOONEST_SECONDS, left / FASTEST))
        self._watch.check()
        self._limits.check_memory(used)
        self._limits.check_processes(len(processes))
        self._limits.check_files(self._scratch.size())
        self._limits.check_time(now - self._began, now - self._heard)
