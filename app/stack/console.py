"""Where lines of several processes go: a terminal with a coloured name before each, and a file each."""

import contextlib
import logging.handlers
import os
import queue
import threading
from pathlib import Path
from typing import Final, TextIO

COLOURS: Final = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)
"""ANSI foreground colours that can be read on dark and on light."""

WAITING_LINES: Final = 10_000
"""Lines kept for a terminal that does not take them (Ctrl-S, a stuck pager). Beyond it lines are only in
the files: a worker that waits for a terminal would be a worker that does no work."""

FILE_BYTES: Final = 10_000_000


class Console:
    """Writes prefixed lines without ever making a writer wait; use as a context manager."""

    def __init__(self, out: TextIO, names: list[str], *, folder: Path | None = None, quiet: bool = False) -> None:
        """Prepare for processes of these names.

        Args:
            out: where people look.
            names: every name that will be used, for aligned columns and steady colours.
            folder: keeps `<name>.log` of each process, if given.
            quiet: do not show the processes' lines, only those of `say`.
        """
        self._out = out
        self._width = max(map(len, names), default=0)
        self._colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
        self._coloured = out.isatty() and not os.environ.get("NO_COLOR")
        self._quiet = quiet
        self._files = {name: log_file(folder / f"{name}.log") for name in names} if folder else {}
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING_LINES)
        self._left_out = 0
        self._printer = threading.Thread(target=self._print, name="console", daemon=True)

    def __enter__(self) -> "Console":
        """Start to print."""
        self._printer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Print what waits, for some seconds at most, and close the files."""
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=2)
        self._printer.join(timeout=2)
        for file in self._files.values():
            file.close()

    def line(self, name: str, text: str) -> None:
        """Take a line that a process wrote."""
        if file := self._files.get(name):
            keep_line(file, text)
        if text and not self._quiet:
            self._show(f"{self._prefix(name)}{text}")

    def say(self, text: str, name: str = "") -> None:
        """Show a line of our own, about the process of that name if given."""
        if name and (file := self._files.get(name)):
            keep_line(file, f"-- {text}")
        self._show(f"{self._prefix(name)}{text}" if name else text)

    def _prefix(self, name: str) -> str:
        prefix = f"{name:<{self._width}} | "
        return f"\x1b[{self._colours.get(name, 0)}m{prefix}\x1b[0m" if self._coloured else prefix

    def _show(self, line: str) -> None:
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._left_out += 1

    def _print(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._out.write(line + "\n")
                if self._lines.empty():
                    self._print_left_out()
                    self._out.flush()
            except (OSError, ValueError):
                # Nobody reads any more (`up | head`). The service goes on; the files have the lines.
                self._quiet = True

    def _print_left_out(self) -> None:
        if self._left_out:
            left_out, self._left_out = self._left_out, 0
            self._out.write(f"({left_out} lines were not shown here; the files in logs/ have them)\n")


def log_file(path: Path) -> logging.handlers.RotatingFileHandler:
    """A file for lines that are written as they are; 30 MB at most are kept."""
    return logging.handlers.RotatingFileHandler(
        path, maxBytes=FILE_BYTES, backupCount=2, encoding="utf-8", errors="replace", delay=True
    )


def keep_line(file: logging.Handler, text: str) -> None:
    """Write a line to such a file; several threads may."""
    file.handle(logging.makeLogRecord({"msg": text}))
