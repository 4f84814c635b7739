"""`docrelay watch` and `docrelay wait`: until the outcome of jobs is known."""

import json
import sys
import time
import uuid
from collections.abc import Sequence

import click

from docrelay.cli.exits import Exit
from docrelay.cli.following import follow
from docrelay.cli.options import find_job, json_option, timeout_option, with_client
from docrelay.cli.present import console, outcome_line, print_json
from docrelay.cli.progress import Bars, Lines, Viewer
from docrelay.client import Client
from docrelay.names import UNFINISHED
from docrelay.views import Job


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@timeout_option
@json_option
@with_client
def watch(client: Client, /, ids: tuple[str, ...], *, timeout: float | None, as_json: bool) -> None:
    """Show jobs as they go, until their outcome is known; without ids, all that have none yet.

    Progress bars on a terminal, a line for each step in a pipe. With --json, a line with the whole job
    at every change. Exit status 3 if one of them failed.
    """
    watched = [find_job(client, given) for given in ids] if ids else client.jobs(status=UNFINISHED, limit=1000)
    if not watched:
        click.echo("no job is under way", err=True)
        return
    view = _JsonLines() if as_json else _viewer()
    sys.exit(_conclude(_follow(client, watched, timeout, view), timeout))


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--children", is_flag=True, help="And of the documents inside them: files of archives, attachments.")
@timeout_option
@json_option
@with_client
def wait(client: Client, /, ids: tuple[str, ...], *, children: bool, timeout: float | None, as_json: bool) -> None:
    """Wait for the outcome of jobs and print it.

    Exit status 0 only if all succeeded, 3 if one failed, 4 if one was not over in time.
    """
    waited_for = [find_job(client, given) for given in ids]
    out = console()
    view = Bars(out) if out.is_terminal and not as_json else Viewer()
    jobs = _follow_all(client, waited_for, timeout, view) if children else _follow(client, waited_for, timeout, view)
    if as_json:
        print_json([job.as_dict() for job in jobs])
    elif not out.is_terminal:
        for job in jobs:
            click.echo(f"{job.id}\t{outcome_line(job)}")
    sys.exit(_conclude(jobs, timeout))


def wait_for(
    client: Client, waited_for: Sequence[Job], *, timeout: float | None, as_json: bool
) -> tuple[list[Job], Exit]:
    """Show these jobs until their outcome is known; how they stand then, and the exit status that says so."""
    jobs = _follow(client, waited_for, timeout, Viewer() if as_json else _viewer())
    return jobs, _conclude(jobs, timeout)


def _viewer() -> Viewer:
    out = console()
    return Bars(out) if out.is_terminal else Lines()


class _JsonLines(Viewer):
    """A line of JSON at every change."""

    def update(self, job: Job) -> None:
        click.echo(json.dumps(job.as_dict(), ensure_ascii=False))


def _follow(client: Client, jobs: Sequence[Job], timeout: float | None, view: Viewer) -> list[Job]:
    latest: dict[uuid.UUID, Job] = {job.id: job for job in jobs}
    with view:
        for job in follow(client, list(latest), timeout=timeout):
            latest[job.id] = job
            view.update(job)
    return list(latest.values())


def _follow_all(client: Client, jobs: Sequence[Job], timeout: float | None, view: Viewer) -> list[Job]:
    """These jobs, then those of what was found inside their documents, and so on."""
    give_up = None if timeout is None else time.monotonic() + timeout
    followed: dict[uuid.UUID, Job] = {}
    while jobs:
        left = None if give_up is None else max(0.0, give_up - time.monotonic())
        followed |= {job.id: job for job in _follow(client, jobs, left, view)}
        inside = [child.id for job in followed.values() for child in job.children if child.id not in followed]
        late = any(not job.finished for job in followed.values())
        jobs = client.jobs(ids=inside, limit=len(inside)) if inside and not late else []
    return list(followed.values())


def _conclude(jobs: Sequence[Job], timeout: float | None) -> Exit:
    """The exit status; jobs that are not over are named on stderr, with what they wait for."""
    late = [job for job in jobs if not job.finished]
    for job in late:
        click.echo(f"{job.document.name} is still {job.status} after {timeout:g} s: {job.reason}", err=True)
    if any(job.finished and not job.ok for job in jobs):
        return Exit.JOB_FAILED
    return Exit.TIMEOUT if late else Exit.OK
