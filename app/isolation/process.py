"""The worker's side of a document process: start, call, kill."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from app.isolation import family
from app.isolation.evidence import Evidence, LogTail
from app.isolation.exchange import Ended, Exchange, Watch
from app.isolation.failures import AnswerGarbled, CallFailed, NotReady, ProcessDied, WorkRefused
from app.isolation.limits import MIB, Limits
from app.isolation.protocol import NOT_READY, Call, Refusal, Result, frame
from app.isolation.scratch import Scratch
from app.isolation.spawn import spawn
from app.isolation.warden import LAST_WORD, LastWord

Reply = TypeVar("Reply")

TIDY_SECONDS = 3.0
"""How long the warden may take to kill what there is; it needs milliseconds."""


class DocumentProcess:
    """A warm process that runs functions of a module by name; one caller at a time."""

    def __init__(self, module: str, arguments: Sequence[str] = (), *, memory_mb: int) -> None:
        """Prepare; the process starts with the first call, or `start`."""
        self._arguments = [module, str(memory_mb), *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._log: LogTail | None = None
        self._scratch: Scratch | None = None
        self._last_word = -1
        self._helpers: set[int] = set()
        self.calls = 0

    @property
    def pid(self) -> int | None:
        """The number of its warden while that lives; the document process itself is the warden's first child."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the process, unless it runs."""
        if self.pid is not None:
            return
        self.kill()
        scratch = self._scratch = Scratch()
        self._last_word, last_word = os.pipe()
        os.set_blocking(self._last_word, False)
        handed_over = (last_word, scratch.lock)
        try:
            self._process = spawn(
                [*_COMMAND, str(last_word), str(scratch.lock), str(scratch.path), *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # a Ctrl-C at the terminal is for the worker alone
                bufsize=0,
                pass_fds=handed_over,
                env=os.environ | {"TMPDIR": str(scratch.path)},
            )
        finally:
            for descriptor in handed_over:
                os.close(descriptor)
        assert self._process.stderr is not None
        self._log = LogTail(self._process.stderr)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        self._helpers = set()
        self.calls = 0

    def kill(self) -> LastWord | None:
        """Kill the process and all it started, wherever they are; how it ended, if anybody knows."""
        process, self._process = self._process, None
        scratch, self._scratch = self._scratch, None
        if process is not None:
            process.terminate()  # asks the warden, who kills the others
            _wait_or_kill(process)
            for pipe in (process.stdin, process.stdout):
                with suppress(BrokenPipeError):
                    pipe.close()  # type: ignore[union-attr]
        if scratch is not None:
            scratch.remove()
        return self._read_last_word()

    def _read_last_word(self) -> LastWord | None:
        descriptor, self._last_word = self._last_word, -1
        if descriptor < 0:
            return None
        try:
            return LastWord.decode(os.read(descriptor, LAST_WORD.size))
        except BlockingIOError:
            return None
        finally:
            os.close(descriptor)

    def call(self, name: str, arguments: dict[str, Any], reply: type[Reply], limits: Limits, watch: Watch) -> Reply:
        """Run a function in the process and return its value as `reply`.

        Raises:
            WorkRefused: the function raised.
            LimitHit: it took too long, was silent too long, or took too much of something.
            ProcessDied: it ended by itself, by a signal or a crash in C code.
            AnswerGarbled: it answered something else.
        Whatever `watch.check` raises passes through; the process is dead then.
        """
        self.start()
        assert self._process is not None
        assert self._log is not None
        assert self._scratch is not None
        log = self._log
        log.clear()
        files = self._scratch.names()
        exchange = Exchange(self._process, self._scratch, frame(Call(name, arguments)), limits, watch)
        try:
            return self._value(self._answer(exchange), reply)
        except CallFailed as error:
            if self.pid is None:
                log.wait()
            error.evidence = Evidence(round(exchange.seconds, 3), exchange.peak // MIB, log.lines())
            raise
        finally:
            self._tidy(files)

    def _value(self, answer: Result, reply: type[Reply]) -> Reply:
        try:
            return msgspec.msgpack.decode(answer.value, type=reply)
        except msgspec.DecodeError as error:
            self.kill()
            raise AnswerGarbled(error) from None

    def _answer(self, exchange: Exchange) -> Result:
        try:
            answer = exchange.run()
        except Ended:
            raise ProcessDied(self._reap(exchange)) from None
        except BaseException:
            self._bury(exchange)
            raise
        if exchange.helpers is not None:
            self._helpers = set(exchange.helpers)
        self.calls += 1
        if isinstance(answer, Refusal) and answer.code == NOT_READY:
            self.kill()  # the next call may find what was missing
            raise NotReady(answer.message)
        if isinstance(answer, Refusal):
            exchange.peak = max(exchange.peak, answer.peak)
            raise WorkRefused(answer)
        return answer

    def _reap(self, exchange: Exchange) -> int:
        """The exit code of a process whose pipe has closed."""
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(TIDY_SECONDS)
        process = self._process
        last_word = self._bury(exchange)
        return last_word.code if last_word else process.returncode

    def _bury(self, exchange: Exchange) -> LastWord | None:
        last_word = self.kill()
        if last_word:
            exchange.peak = max(exchange.peak, last_word.peak)
        return last_word

    def _tidy(self, files: set[str]) -> None:
        """Remove what a call has left behind; processes can only go with the one that started them."""
        if self._process is None or self._scratch is None:
            return
        _, *others = family.members(self._process.pid) or [0]
        if set(others) - self._helpers:
            self.kill()
        else:
            self._scratch.clean(keep=files)


_COMMAND = (sys.executable, "-m", "app.isolation.child")


def _wait_or_kill(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(TIDY_SECONDS)
    except subprocess.TimeoutExpired:  # it was stopped, or killed halfway
        family.end(process.pid)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
