"""The document process: `python -m app.isolation.child MODULE MEMORY_MB [ARGUMENT …]`.

MODULE has `calls(*arguments)`, the functions that may be called by name, and `classify(error)`. A
function may take `report(done, total)` to say how far it is.
"""

import ctypes
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
from typing import IO, Any, get_type_hints

import msgspec

from app.isolation.protocol import CALLS, ENCODER, HEADER, NOT_READY, Call, Progress, Refusal, Result, frame

PR_SET_PDEATHSIG = 1
REPORT_SECONDS = 0.2
MIB = 1024 * 1024


def die_with_parent() -> None:
    """Ask the kernel to kill us when the worker is gone, whatever we are doing then."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def bound_memory(megabytes: int) -> None:
    """Let allocations beyond the limit fail here, before the worker has to notice and kill.

    Twice the limit: address space that is reserved but never used counts here, and must not hurt.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (2 * megabytes * MIB, 2 * megabytes * MIB))


class Server:
    """Answers calls, one after another, until its input ends."""

    def __init__(self, module: str, arguments: list[str], calls: IO[bytes], answers: IO[bytes]) -> None:
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
        self._calls = calls
        self._answers = answers
        self._reported = 0.0

    def serve(self) -> None:
        """Answer until the worker closes our input."""
        while header := self._calls.read(HEADER.size):
            call = CALLS.decode(self._calls.read(HEADER.unpack(header)[0]))
            self._reported = 0.0
            self._say(self._answer(call))

    def _answer(self, call: Call) -> msgspec.Struct:
        if self._trouble is not None:
            return self._trouble
        try:
            function = self._functions[call.name]
            value = function(**self._typed(function, call.arguments))
            return Result(msgspec.Raw(ENCODER.encode(value)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker is told and decides
            error_class, code, message = self._module.classify(error)
            return Refusal(error_class, code, message, traceback.format_exc(limit=-30))

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
    die_with_parent()
    faulthandler.enable()  # a crash in C code says where it was, on standard error
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    module, megabytes, *rest = arguments
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    bound_memory(int(megabytes))
    with os.fdopen(0, "rb", closefd=False) as calls:
        Server(module, rest, calls, answers).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
