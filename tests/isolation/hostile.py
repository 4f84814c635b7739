"""What hostile documents make a parser do; run in a document process by the tests beside this file."""

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any


def classify(error: Exception) -> tuple[str, str, str]:
    """As the service does it: memory that ran out may be the neighbours' doing, the rest is permanent."""
    if isinstance(error, MemoryError):
        return "poison", "limit_memory", "no more memory"
    return "permanent", type(error).__name__, str(error)


def echo(text: str) -> str:
    """Give the text back, and print it, as careless libraries do."""
    print(text, flush=True)  # noqa: T201
    return text


def size(data: bytes) -> int:
    """How many bytes arrived."""
    return len(data)


def loop(report: Callable[[int, int], None]) -> None:
    """Work for ever, and say so."""
    number = 0
    while True:
        number += 1
        report(number, 1_000_000)
        time.sleep(0.001)


def be_silent() -> None:
    """Hang in C code that holds the interpreter's lock."""
    ctypes.PyDLL(None).sleep(1000)


def allocate() -> None:
    """Take memory slowly enough to be seen, fast enough not to bore."""
    held = []
    while True:
        held.append(bytearray(16 * 1024 * 1024))
        time.sleep(0.01)


def allocate_at_once() -> None:
    """Ask for more than there may be in one piece."""
    bytearray(64 * 1024**3)


def crash() -> None:
    """Read where nothing is."""
    ctypes.string_at(0)


def complain_and_crash(lines: int) -> None:
    """Say much, then crash; the last words have no line break."""
    for number in range(lines):
        print(f"line {number}", file=sys.stderr)  # noqa: T201
    sys.stderr.write("x" * 5000 + " last words\0")
    sys.stderr.flush()
    ctypes.string_at(0)


def leave() -> None:
    """End the process as a careless library might."""
    os._exit(3)


def fork_and_hang(pid_file: str) -> None:
    """Start another process and wait for it."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    with open(pid_file, "w") as file:  # noqa: PTH123
        file.write(str(child.pid))
    child.wait()


def refuse() -> None:
    """Raise."""
    raise ValueError("no such page")


def calls() -> dict[str, Callable[..., Any]]:
    """All of them."""
    return {
        "echo": echo,
        "size": size,
        "loop": loop,
        "be_silent": be_silent,
        "allocate": allocate,
        "allocate_at_once": allocate_at_once,
        "crash": crash,
        "complain_and_crash": complain_and_crash,
        "leave": leave,
        "fork_and_hang": fork_and_hang,
        "refuse": refuse,
    }
