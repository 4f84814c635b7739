"""A parser that dies of whatever it is given, in a document process."""

import os
import signal
from collections.abc import Callable
from typing import Any


def classify(error: Exception) -> tuple[str, str, str]:
    """Never asked."""
    return "permanent", type(error).__name__, str(error)


def parse(data: bytes, name: str, engine: str) -> None:
    """Die as C code dies."""
    del data, name, engine
    os.kill(os.getpid(), signal.SIGSEGV)


def calls() -> dict[str, Callable[..., Any]]:
    """The functions of this process."""
    return {"parse": parse}
