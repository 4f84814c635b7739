"""`docrelay jobs` and `docrelay show`: how jobs stand, and why."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import click

from docrelay.cli.job_page import print_job, print_traceback
from docrelay.cli.options import find_job, json_option, with_client
from docrelay.cli.present import clipped, console, duration, note, print_json, print_table, printable, shown_id, status
from docrelay.cli.progress import amount, current
from docrelay.cli.timeline import print_timeline
from docrelay.client import Client
from docrelay.names import JobStatus
from docrelay.views import Job, plain


@click.command()
@click.option(
    "-s",
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice([status.value for status in JobStatus]),
    help="Only these. May be given several times.",
)
@click.option("-c", "--collection", help="Only of this collection.")
@click.option("-p", "--pipeline", help="Only of this pipeline.")
@click.option("-n", "--limit", type=click.IntRange(1), default=30, show_default=True, help="At most so many.")
@json_option
@with_client
def jobs(
    client: Client,
    /,
    *,
    statuses: Sequence[str],
    collection: str | None,
    pipeline: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List jobs, newest first, with what each waits for or why it failed."""
    found = client.jobs(status=statuses or None, collection=collection, pipeline=pipeline, limit=limit)
    if as_json:
        print_json([job.as_dict() for job in found])
        return
    out = console()
    width = 28 if out.is_terminal else 1000
    rows = [
        (
            shown_id(out, job.id),
            status(job.status),
            clipped(job.document.name, width),
            printable(job.document.collection),
            _where(job),
            _age(job),
            job.error.message if job.error else note(job),
        )
        for job in found
    ]
    print_table(out, ("job", "status", "document", "collection", "stage", "took", "why"), rows)


def _where(job: Job) -> str:
    if job.error:
        return job.error.stage
    stage = None if job.finished else current(job)
    return f"{stage.name} {amount(stage)}".rstrip() if stage else ""


def _age(job: Job) -> str:
    if job.seconds is not None:
        return duration(job.seconds)
    return duration(max(0.0, (datetime.now(UTC) - job.created_at).total_seconds()))


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("-e", "--events", is_flag=True, help="Everything that happened to it, in order.")
@click.option("-t", "--traceback", is_flag=True, help="The traceback of its error.")
@json_option
@with_client
def show(client: Client, /, job_id: str, *, events: bool, traceback: bool, as_json: bool) -> None:
    """Show one job: its stages with times and tries, its error, or what it waits for."""
    job = find_job(client, job_id)
    history = client.events(job.id) if events else []
    if as_json:
        values = job.as_dict()
        print_json(values | {"events": [plain(asdict(event)) for event in history]} if events else values)
        return
    out = console()
    print_job(out, job)
    if events:
        out.print()
        print_timeline(out, job, history)
    if traceback:
        print_traceback(out, job)
