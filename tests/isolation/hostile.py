"""What hostile documents make a parser do; run in a document process by the tests beside this file."""

import contextlib
import ctypes
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MIB = 1024 * 1024


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


def garble() -> None:
    """Write what is no message where the answers go, as a parser that was taken over might."""
    for entry in list(Path("/proc/self/fd").iterdir()):
        number = int(entry.name)
        with contextlib.suppress(OSError):
            if number > sys.stderr.fileno() and stat.S_ISFIFO(os.fstat(number).st_mode):
                os.write(number, (5).to_bytes(8, "big") + b"\xc1" * 5)
    time.sleep(1000)


def leave() -> None:
    """End the process as a careless library might."""
    os._exit(3)


def allocate_and_die(megabytes: int) -> None:
    """Hold much, for a moment, and be killed, as the kernel kills when memory is short."""
    held = b"x" * (megabytes * MIB)
    os.kill(os.getpid(), signal.SIGKILL)
    del held


def fork_and_hang(pid_file: str) -> None:
    """Start another process and wait for it."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    with open(pid_file, "w") as file:  # noqa: PTH123
        file.write(str(child.pid))
    child.wait()


def fork_and_allocate(count: int, megabytes: int) -> None:
    """Let others take the memory, each less than the limit."""
    for _ in range(count):
        if os.fork() == 0:
            held = b"x" * (megabytes * MIB)
            time.sleep(60)
            os._exit(len(held) == 0)
    time.sleep(60)


def fork_and_share(count: int, megabytes: int) -> int:
    """Hold much, and fork processes that have it all in common; they end by themselves."""
    held = b"x" * (megabytes * MIB)
    pids = []
    for _ in range(count):
        if (pid := os.fork()) == 0:
            time.sleep(1.5)
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    return len(held)


def fork_bomb(most: int) -> None:
    """Everybody forks as fast as it goes, until there are `most` or so; nobody waits for anybody."""
    while most > 1:
        most //= 2
        os.fork()
    time.sleep(60)


def leave_an_orphan(pid_file: str, then: str) -> str:
    """A process of another session, nobody's child, with nothing of ours in its environment; then go on."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            with open(pid_file, "w") as file:  # noqa: PTH123
                file.write(str(os.getpid()))
            os.execve("/bin/sleep", ["sleep", "1000"], {})
        os._exit(0)
    os.wait()
    while not os.path.exists(pid_file) or not os.path.getsize(pid_file):  # noqa: PTH110, PTH202
        time.sleep(0.01)
    calls()[then]()
    return "done"


def do_nothing() -> None:
    """Nothing."""


def answer(megabytes: int) -> str:
    """A text of so many MiB."""
    return "x" * (megabytes * MIB)


def stream(gigabytes: int) -> None:
    """Write an answer of this size without ever holding it."""
    pipe = next(each for each in range(3, 100) if _is_pipe(each))
    os.write(pipe, (gigabytes * 1024 * MIB).to_bytes(8, "big"))
    for _ in range(gigabytes * 1024):
        os.write(pipe, b"x" * MIB)


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def chatter(megabytes: int) -> None:
    """Write so much to standard output, in one line."""
    for _ in range(megabytes):
        os.write(1, b"y" * MIB)


def scatter(count: int, megabytes: int) -> str:
    """Leave temporary files; the folder where they were."""
    for number in range(count):
        folder = tempfile.mkdtemp(prefix=f"{number}-")
        with open(f"{folder}/file", "wb") as file:  # noqa: PTH123
            for _ in range(megabytes):
                file.write(b"x" * MIB)
    return tempfile.gettempdir()


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
        "garble": garble,
        "leave": leave,
        "fork_and_hang": fork_and_hang,
        "allocate_and_die": allocate_and_die,
        "fork_and_allocate": fork_and_allocate,
        "fork_and_share": fork_and_share,
        "fork_bomb": fork_bomb,
        "leave_an_orphan": leave_an_orphan,
        "do_nothing": do_nothing,
        "answer": answer,
        "stream": stream,
        "chatter": chatter,
        "scatter": scatter,
        "refuse": refuse,
    }
