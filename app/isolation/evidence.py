"""What is known of a call that went wrong: what it used, and the last lines that its process wrote."""

import contextlib
import os
import threading
from collections import deque
from dataclasses import asdict, dataclass
from typing import IO, Any

LINES_KEPT = 50
LINE_BYTES = 2000
"""A line that is longer becomes several: a document may write gigabytes without a line break."""

PASSED_ON_BYTES = 1024 * 1024
"""Of one document, into our own log: a parser that complains without end must not fill the disk."""

REST_DROPPED = b"[a document's process wrote more than this log takes; its last lines are kept with the attempt]\n"

READ_BYTES = 64 * 1024
STANDARD_ERROR = 2
REST_SECONDS = 0.5
"""How long a dead process's last lines are waited for; something it started may hold the pipe open."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one call: seconds by the clock, the most memory it was seen to hold, and what it said last."""

    seconds: float
    peak_memory_mb: int
    log: list[str]

    def as_row(self) -> dict[str, Any]:
        """As it is kept with the attempt: `{"resources": {…}, "log": […]}`."""
        values = asdict(self)
        return {"log": values.pop("log"), "resources": values}


class LogTail:
    """Passes a process's standard error on to ours, as far as that is sensible, and keeps its last lines."""

    def __init__(self, pipe: IO[bytes]) -> None:
        """Read the pipe from a thread until it ends; nobody else may."""
        self._pipe = pipe
        self._kept: deque[bytes] = deque(maxlen=LINES_KEPT)
        self._passed_on = 0
        self._thread = threading.Thread(target=self._run, name="log of a document process", daemon=True)
        self._thread.start()

    def clear(self) -> None:
        """Forget what was said: another document begins."""
        self._kept.clear()
        self._passed_on = 0

    def lines(self) -> list[str]:
        """The last lines, oldest first."""
        return [line.decode("utf-8", "replace").replace("\0", "�") for line in list(self._kept)]

    def wait(self) -> None:
        """Wait a moment for the rest of what a dead process has written."""
        self._thread.join(REST_SECONDS)

    def _run(self) -> None:
        rest = b""
        # What cannot be passed on is read all the same: a full pipe would stop the document.
        with contextlib.suppress(OSError), self._pipe:
            while data := os.read(self._pipe.fileno(), READ_BYTES):
                *lines, rest = (piece for line in (rest + data).split(b"\n") for piece in _pieces(line))
                self._take(lines)
        self._take([rest] if rest else [])

    def _take(self, lines: list[bytes]) -> None:
        self._kept.extend(lines)
        if self._passed_on > PASSED_ON_BYTES:
            return
        text = b"".join(line + b"\n" for line in lines)
        self._passed_on += len(text)
        with contextlib.suppress(OSError):
            _write(text if self._passed_on <= PASSED_ON_BYTES else text + REST_DROPPED)


def _pieces(line: bytes) -> list[bytes]:
    return [line[start : start + LINE_BYTES] for start in range(0, len(line) or 1, LINE_BYTES)]


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(STANDARD_ERROR, data) :]
