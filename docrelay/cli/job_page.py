"""All about one job, for a person."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from docrelay.cli.present import (
    STYLES,
    Cell,
    counted,
    duration,
    note,
    printable,
    problem_line,
    ranges,
    shown_id,
    size,
    status,
    table,
)
from docrelay.cli.progress import amount
from docrelay.names import StageStatus
from docrelay.views import Document, Job, Stage


def print_job(out: Console, job: Job) -> None:
    """The job, its document, its stages, and why it is as it is."""
    heading = Text.assemble((printable(job.document.name), "bold"), "  ", status(job.status))
    if job.seconds is not None:
        heading.append(f" in {duration(job.seconds)}")
    out.print(heading)
    out.print(_facts(job))
    out.print()
    out.print(stage_table(job))
    if job.children:
        out.print()
        out.print(Text(f"{counted(len(job.children), 'document')} inside"))
        out.print(_children(out, job))
    if problems := job.document.problems:
        out.print()
        out.print(Text(f"{counted(len(problems), 'page')} could not be read", "yellow"))
        for line in _unread(problems):
            out.print(Text(f"  {line}"))


def _unread(problems: list[dict[str, Any]]) -> Iterator[str]:
    """`pages 3, 5–9: why`: pages in a row that share their reason are one line."""
    alike: dict[str, list[int]] = {}
    for problem in problems:
        alike.setdefault(printable(str(problem["message"])), []).append(problem["page"])
    for message, pages in alike.items():
        yield f"{'page' if len(pages) == 1 else 'pages'} {ranges(pages)}: {message}"


def _children(out: Console, job: Job) -> Table:
    rows = [
        (shown_id(out, child.id), status(child.status), printable(child.member or child.name)) for child in job.children
    ]
    return table(("job", "status", "document"), rows)


def _facts(job: Job) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, value in _pairs(job):
        grid.add_row(Text(name, "dim"), value if isinstance(value, Text) else Text(value))
    return grid


def _pairs(job: Job) -> Iterator[tuple[str, Cell]]:
    why = Text(note(job), STYLES[job.status] if job.finished else "")
    if why.plain:
        yield "why", why
    yield "job", str(job.id)
    if job.same_as:
        yield "same as", str(job.same_as)
    if job.parent:
        yield "found in", f"job {job.parent}, as {printable(job.member or job.document.name)}"
    yield "document", str(job.document.id)
    yield "", _document(job.document)
    if job.document.metadata:
        yield "metadata", printable(", ".join(f"{key}={value}" for key, value in job.document.metadata.items()))
    yield "pipeline", f"{job.pipeline}, priority {job.priority}"
    if job.key:
        yield "key", printable(job.key)
    yield "submitted", job.created_at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    for remark in job.document.notes:
        yield "note", printable(remark)


def _document(document: Document) -> str:
    parts = [f"in {document.collection}", size(document.size)]
    if document.media_type:
        parts.append(document.media_type)
    if document.page_count:
        parts.append(counted(document.page_count, "page"))
    return printable(", ".join(parts))


def stage_table(job: Job) -> Table:
    """The stages in order, with times, tries and what holds them up."""
    rows = [
        (
            stage.name,
            status(stage.status),
            str(stage.attempt or ""),
            duration(stage.waited or None),
            duration(stage.ran or None),
            _remark(stage),
        )
        for stage in job.stages
    ]
    return table(("stage", "status", "tries", "waited", "ran", ""), rows)


def _remark(stage: Stage) -> str:
    """The most useful thing to say about a stage."""
    made = ", ".join(f"{value} {name}" for name, value in (stage.result or {}).items() if value not in (0, False, None))
    parts = [made if stage.status is StageStatus.SUCCEEDED else amount(stage)]
    error = problem_line(stage.error).removeprefix(f"{stage.name}: ") if stage.error else ""
    if stage.due_at and stage.due_at > datetime.now(UTC):
        parts.append(_next_try(stage, stage.due_at, error))
    else:
        parts.append(error)
    if stage.worker:
        parts.append(f"by {stage.worker}")
    return printable("; ".join(part for part in parts if part))


def _next_try(stage: Stage, due_at: datetime, error: str) -> str:
    """`next try at 14:03:20 (in 12.0 s), attempt 3 of 5, because …`."""
    wait = duration((due_at - datetime.now(UTC)).total_seconds())
    sentence = f"next try at {due_at.astimezone():%H:%M:%S} (in {wait})"
    if stage.error and stage.error.tried is not None:
        sentence += f", attempt {stage.error.tried + 1} of {stage.error.allowed}"
    return f"{sentence}, because {error}" if error else sentence


def print_traceback(out: Console, job: Job) -> None:
    """The traceback of the job's error, or of the latest try of a stage, if it was kept."""
    errors = [error for error in (job.error, *(stage.error for stage in job.stages)) if error]
    out.print()
    text = next((error.traceback for error in errors if error.traceback), None)
    if text is None:
        out.print(Text("no traceback was kept" if errors else "there is no error", "dim"))
        return
    # Line by line: a traceback is the one text here whose line breaks are its own.
    for line in text.splitlines():
        out.print(Text(printable(line)), soft_wrap=True)
