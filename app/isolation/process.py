"""The worker's side of a document process: call, watch, kill."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any, Protocol, TypeVar

import msgspec
import psutil

from app.isolation.evidence import Evidence, LogTail
from app.isolation.protocol import ANSWERS, HEADER, LONGEST, NOT_READY, Call, Refusal, Result, frame
from app.isolation.spawn import spawn

Reply = TypeVar("Reply")

TICK_SECONDS = 0.25
"""How often limits and the claim are looked at: far below the 2 s in which a cancellation must take."""

READ_BYTES = 1024 * 1024
MIB = 1024 * 1024


class CallFailed(Exception):  # noqa: N818
    """A call gave no value; `evidence` says what it used and what its process wrote last."""

    evidence: Evidence | None = None


class ProcessDied(CallFailed):
    """The process ended in the middle of a call."""

    def __init__(self, code: int) -> None:
        """Say how, from its exit code."""
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        super().__init__(f"the document's process {how}")
        self.code = code


class LimitHit(CallFailed):
    """A limit was exceeded, and the process killed for it."""

    def __init__(self, limit: str, allowed: str, used: str) -> None:
        """Name the limit, its value and what was used."""
        super().__init__(f"the limit on {limit} of {allowed} was exceeded ({used}); its process was killed")
        self.limit = limit


class NotReady(Exception):  # noqa: N818
    """The process could not start its functions: a model or a package is missing. No document did that."""


class WorkRefused(CallFailed):
    """The function in the process raised; its class, code, message and traceback are here."""

    def __init__(self, refusal: Refusal) -> None:
        """Keep what the process said."""
        super().__init__(refusal.message)
        self.refusal = refusal


class Watch(Protocol):
    """Whoever waits for a call: may stop it by raising from `check`."""

    def check(self) -> None:
        """Raise to have the process killed."""

    def progress(self, done: int, total: int) -> None:
        """So many of so many are done."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one call: seconds in all, seconds without progress, memory in MiB."""

    seconds: float
    silence: float
    memory_mb: int


class DocumentProcess:
    """A warm process that runs functions of a module by name; one caller at a time."""

    def __init__(self, module: str, arguments: Sequence[str] = (), *, memory_mb: int) -> None:
        """Prepare; the process starts with the first call, or `start`."""
        self._argv = [sys.executable, "-m", "app.isolation.child", module, str(memory_mb), *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._log: LogTail | None = None
        self.calls = 0

    @property
    def pid(self) -> int | None:
        """The process's number while it lives."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the process, unless it runs."""
        if self.pid is not None:
            return
        self.kill()
        # A session of its own, so that whatever a document makes it start is killed with it.
        self._process = spawn(
            self._argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )
        assert self._process.stderr is not None
        self._log = LogTail(self._process.stderr)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        self.calls = 0

    def kill(self) -> int:
        """Kill the process and all it started; its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr]
        return code

    def call(self, name: str, arguments: dict[str, Any], reply: type[Reply], limits: Limits, watch: Watch) -> Reply:
        """Run a function in the process and return its value as `reply`.

        Raises:
            WorkRefused: the function raised.
            LimitHit: it took too long, was silent too long, or took too much memory.
            ProcessDied: it ended by itself, by a signal or a crash in C code.
        Whatever `watch.check` raises passes through; the process is dead then.
        """
        self.start()
        assert self._process is not None
        assert self._log is not None
        log = self._log
        log.clear()
        exchange = _Exchange(self._process, frame(Call(name, arguments)), limits, watch)
        try:
            answer = self._answer(exchange)
        except CallFailed as error:
            if self.pid is None:
                log.wait()
            error.evidence = Evidence(round(exchange.seconds, 3), exchange.peak // MIB, log.lines())
            raise
        return msgspec.msgpack.decode(answer.value, type=reply)

    def _answer(self, exchange: "_Exchange") -> Result:
        try:
            answer = exchange.run()
        except _Ended:
            raise ProcessDied(self._reap()) from None
        except BaseException:
            self.kill()
            raise
        self.calls += 1
        if isinstance(answer, Refusal) and answer.code == NOT_READY:
            self.kill()  # the next call may find what was missing
            raise NotReady(answer.message)
        if isinstance(answer, Refusal):
            raise WorkRefused(answer)
        return answer

    def _reap(self) -> int:
        """The exit code of a process whose pipe has closed; killed if it lingers."""
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        return self.kill()


class _Ended(Exception):  # noqa: N818
    """The process closed its output."""


class _Exchange:
    """One call on the wire: write the request, read answers, look at the limits in between."""

    def __init__(self, process: subprocess.Popen[bytes], request: bytes, limits: Limits, watch: Watch) -> None:
        self._input: IO[bytes] = process.stdin  # type: ignore[assignment]
        self._output: IO[bytes] = process.stdout  # type: ignore[assignment]
        self._request = memoryview(request)
        self._limits = limits
        self._watch = watch
        self._memory = _memory_meter(process.pid)
        self._buffer = bytearray()
        self._started = self._heard = time.monotonic()
        self._ticked = 0.0
        self.peak = self._memory()

    @property
    def seconds(self) -> float:
        """Since the call began."""
        return time.monotonic() - self._started

    def run(self) -> Result | Refusal:
        """Exchange until there is an answer that is not progress."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            selector.register(self._input, selectors.EVENT_WRITE)
            while True:
                for key, _ in selector.select(TICK_SECONDS):
                    if key.fileobj is self._input:
                        self._write(selector)
                    else:
                        self._read()
                if (answer := self._decode()) is not None:
                    self._measure()
                    return answer
                self._tick()

    def _write(self, selector: selectors.BaseSelector) -> None:
        try:
            written = os.write(self._input.fileno(), self._request)
        except BlockingIOError:
            return
        except BrokenPipeError:
            raise _Ended from None
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
            raise _Ended
        self._buffer += data
        self._heard = time.monotonic()

    def _decode(self) -> Result | Refusal | None:
        while len(self._buffer) >= HEADER.size:
            (length,) = HEADER.unpack_from(self._buffer)
            if length > LONGEST:
                raise LimitHit("one answer", f"{LONGEST} bytes", f"{length} bytes were announced")
            if len(self._buffer) < HEADER.size + length:
                return None
            answer = ANSWERS.decode(bytes(self._buffer[HEADER.size : HEADER.size + length]))
            del self._buffer[: HEADER.size + length]
            if isinstance(answer, Result | Refusal):
                return answer
            self._watch.progress(answer.done, answer.total)
        return None

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self._ticked < TICK_SECONDS:
            return
        self._ticked = now
        used = self._measure()
        self._watch.check()
        if now - self._started > self._limits.seconds:
            raise LimitHit("time", f"{self._limits.seconds:g} s", f"it ran {now - self._started:.1f} s")
        if now - self._heard > self._limits.silence:
            raise LimitHit("silence", f"{self._limits.silence:g} s", f"no progress for {now - self._heard:.1f} s")
        if used > self._limits.memory_mb * MIB:
            raise LimitHit("memory", f"{self._limits.memory_mb} MiB", f"{used // MIB} MiB were used")

    def _measure(self) -> int:
        used = self._memory()
        self.peak = max(self.peak, used)
        return used


def _memory_meter(pid: int) -> Callable[[], int]:
    """Reads the resident bytes of a process; 0 when it is gone."""
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return lambda: 0

    def read() -> int:
        try:
            return int(process.memory_info().rss)
        except psutil.Error:
            return 0

    return read
