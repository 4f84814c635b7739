"""The document process: `python -m app.isolation.child LAST_WORD LOCK FOLDER MODULE MEMORY_MB [ARGUMENT …]`.

MODULE has `calls(*arguments)`, the functions that may be called by name, and `classify(error)`. A
function may take `report(done, total)` to say how far it is. An error whose `exceeded` is a dictionary hit that limit.
The first three arguments are for the warden, which this process is before it splits.
"""

import faulthandler
import importlib
import inspect
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, get_type_hints

import msgspec

from app.isolation import family, warden
from app.isolation.limits import MIB
from app.isolation.protocol import CALLS, HEADER, NOT_READY, Call, Progress, Refusal, Started, Value, frame

REPORT_SECONDS = 0.2
KIB = 1024


def bound(megabytes: int) -> None:
    """Let the kernel refuse here what the worker would notice too late, or on a full disk.

    Memory, for each process by itself: three times the limit. Address space that is reserved but never used counts, and
    a library that aborts where it is refused memory says less than a limit does: what grows by doubling shall hit that.
    Files: each at most as large as the memory. No core dumps: a crash would leave as much on the disk as the memory.
    """
    size = megabytes * MIB
    for limit, value in ((resource.RLIMIT_DATA, 3 * size), (resource.RLIMIT_FSIZE, size), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (value, value))


def forget_peak() -> None:
    """Let the kernel count the most memory from now on; where it cannot, it counts from this process's start."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """The most bytes that this process held since then."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_bytes().splitlines():
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) * KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB


class Server:
    """Answers calls, one after another, until its input ends."""

    def __init__(self, module: str, memory_mb: int, arguments: list[str], calls: IO[bytes], answers: IO[bytes]) -> None:
        """Build the functions of a module; if that fails, every call is told why."""
        self._module: Any = None
        self._functions: dict[str, Callable[..., Any]] = {}
        self._trouble: Refusal | None = None
        try:
            self._module = importlib.import_module(module)
            self._functions = self._module.calls(*arguments)
        except Exception as error:  # noqa: BLE001 - a model that is missing is no document's fault: say so
            message = f"{module} cannot start: {type(error).__name__}: {error}"
            self._trouble = Refusal("transient", NOT_READY, message, traceback.format_exc(limit=-30))
        self._memory_mb = memory_mb
        self._calls = calls
        self._answers = answers
        self._reported = 0.0

    def serve(self) -> None:
        """Answer until the worker closes our input."""
        self._say(Started(family.members(os.getpid())))
        while self._serve_one():
            pass

    def _serve_one(self) -> bool:
        # In a frame of its own: nothing of a document may be held while the next one is waited for.
        forget_peak()
        header = self._calls.read(HEADER.size)
        if header:
            call = CALLS.decode(self._calls.read(HEADER.unpack(header)[0]))
            self._reported = 0.0
            self._say(self._answer(call))
        return bool(header)

    def _answer(self, call: Call) -> msgspec.Struct:
        if self._trouble is not None:
            return self._trouble
        try:
            function = self._functions[call.name]
            value = function(**self._typed(function, call.arguments))
            return Value(value)
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker is told and decides
            return self._refusal(error)

    def _refusal(self, error: Exception) -> Refusal:
        error_class, code, message = self._module.classify(error)
        exceeded = getattr(error, "exceeded", None)
        if isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError):
            held = peak() // MIB
            exceeded = {"limit": "memory", "value": self._memory_mb, "used": held, "unit": "MiB"}
            message = (
                f"{message} The limit on memory is {self._memory_mb} MiB; {held} were held when it asked for more."
            )
        trace = traceback.format_exc(limit=-30)
        return Refusal(error_class, code, message, trace, peak=peak(), exceeded=exceeded)

    def _typed(self, function: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
        hints = get_type_hints(function)
        typed = {name: msgspec.convert(value, hints[name]) for name, value in arguments.items()}
        if "report" in inspect.signature(function).parameters:
            typed["report"] = self._report
        return typed

    def _report(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._reported >= REPORT_SECONDS:
            self._reported = now
            self._say(Progress(done, total))

    def _say(self, message: msgspec.Struct) -> None:
        self._answers.write(frame(message))
        self._answers.flush()


def main(arguments: list[str]) -> None:
    """Serve on what were standard input and output; whatever a library prints goes to standard error."""
    last_word, lock, folder, module, megabytes, *rest = arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warden.split(int(last_word), int(lock), folder)
    faulthandler.enable()  # a crash in C code says where it was, on standard error
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    bound(int(megabytes))
    with os.fdopen(0, "rb", closefd=False) as calls:
        Server(module, int(megabytes), rest, calls, answers).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
