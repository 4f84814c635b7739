"""How values look: a table on a terminal, lines with tabs in a pipe, words for numbers."""

import json
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from docrelay.names import JobStatus
from docrelay.views import Job, Problem

SHORT_ID = 8
PIPE_WIDTH = 1000
"""In a pipe nothing is wrapped: whoever reads it looks for lines."""
MINUTE, HOUR, DAY = 60, 3600, 86400

STYLES = {
    "succeeded": "green",
    "delivered": "green",
    "partial": "yellow",
    "no_text": "yellow",
    "pending": "cyan",
    "queued": "cyan",
    "ready": "cyan",
    "running": "bold blue",
    "failed": "red",
    "quarantined": "bold red",
    "cancelled": "magenta",
    "waiting": "dim",
    "skipped": "dim",
}
SIGNS = {JobStatus.SUCCEEDED: "✓", JobStatus.PARTIAL: "◐", JobStatus.NO_TEXT: "○", JobStatus.CANCELLED: "–"}

Cell = str | Text


def console() -> Console:
    """Where a command writes for people; decides colours by the terminal and NO_COLOR."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def print_json(value: Any) -> None:
    """One JSON document."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(out: Console, headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """A table on a terminal; in a pipe a line for each row, cells apart by tabs, for `cut` and `awk`."""
    rows = list(rows)
    if out.is_terminal and rows:
        out.print(table(headers, rows))
        return
    for row in rows:
        click.echo("\t".join(str(cell) for cell in row))


def table(headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Table:
    """A table without lines; the last column takes what room is left, and wraps."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for place, header in enumerate(headers):
        last = place == len(headers) - 1
        made.add_column(header, overflow="fold", no_wrap=not last, ratio=None)
    for row in rows:
        made.add_row(*[cell if isinstance(cell, Text) else Text(cell) for cell in row])
    return made


def printable(text: str) -> str:
    """Text from a document without what could command a terminal."""
    return "".join(sign if sign.isprintable() else "�" for sign in text)


def clipped(text: str, width: int) -> str:
    """At most `width` characters; the end of a name tells more than its middle."""
    text = printable(text)
    if len(text) <= width:
        return text
    tail = width // 3
    return f"{text[: width - tail - 1]}…{text[-tail:]}"


def status(value: str) -> Text:
    """A status in its colour."""
    return Text(str(value), STYLES.get(value, ""))


def short(identity: uuid.UUID) -> str:
    """The end of an id: the beginning is a time, and alike for neighbours."""
    return str(identity)[-SHORT_ID:]


def shown_id(out: Console, identity: uuid.UUID) -> str:
    """Short for people, whole for programs."""
    return short(identity) if out.is_terminal else str(identity)


def duration(seconds: float | None) -> str:
    """`0.35 s`, `12.3 s`, `4 min 10 s`, `3 h 5 min`, `2 d 4 h`; nothing for None."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"


def size(count: int) -> str:
    """Bytes as `512 B`, `3.4 KiB`, `12.0 MiB`."""
    if count < 1024:
        return f"{count} B"
    value = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        value /= 1024
        if value < 1024:
            return f"{value:.1f} {unit}"
    return f"{value / 1024:.1f} TiB"


def counted(number: int, noun: str) -> str:
    """`1 page`, `2 pages`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def ranges(numbers: Iterable[int]) -> str:
    """`1, 3–5, 9`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in runs)


def note(job: Job) -> str:
    """What there is to say beyond the status: why it failed, or why it does not run."""
    text = job.reason
    for known in (f"{job.status} in ", f"{job.status}: "):
        text = text.removeprefix(known)
    return "" if text == job.status else printable(text)


def outcome_line(job: Job) -> Text:
    """`✓ report.pdf  succeeded in 2.3 s`, or why not."""
    style = STYLES[job.status]
    line = Text.assemble(
        (SIGNS.get(job.status, "✗"), style), " ", printable(job.document.name), "  ", status(job.status)
    )
    if job.seconds is not None:
        line.append(f" in {duration(job.seconds)}", "dim")
    if why := note(job):
        line.append(f"  {why}")
    return line


def problem_line(problem: Problem) -> str:
    """`parse: the file is encrypted (permanent, encrypted)`."""
    return printable(f"{problem.stage}: {problem.message} ({problem.error_class}, {problem.code})")
