"""Every file of a folder through the whole service: each must get its outcome, and no worker may die of it."""

import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import click

from benchmarks.service import Service, TooSlow, broker, service
from docrelay import Job

LOOK_SECONDS = 1.0
MOST_MIB = 1024
"""What a process that reads a document may hold. Its peak is kept with each try that failed, as the kernel tells it."""

PEAK = """
    select coalesce(max((a.error -> 'resources' ->> 'peak_memory_mb')::float), 0)
    from attempts a join stage_runs s on s.id = a.stage_run_id where s.stage = 'parse'
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to send through, and how long it may take."""

    corpus: Path
    glob: str = "**/*.pdf"
    seconds: float = 3600.0
    broker: str = "rabbitmq"


def run(wanted: Wanted) -> bool:
    """Send all files through and print what became of them; whether every promise held.

    Raises:
        TooSlow: some jobs had no outcome in time; says what they waited for.
    """
    files = sorted(path for path in wanted.corpus.glob(wanted.glob) if path.is_file())
    with ExitStack() as cleanup:
        running = cleanup.enter_context(service(cleanup.enter_context(broker(wanted.broker))))
        running.warm_up(b"A text to warm up with.")
        workers = running.stack.supervisor.pids()
        started = time.monotonic()
        ids = [job.id for job in running.client.submit_many(files, collection="acceptance")]
        jobs = _wait(running, ids, wanted.seconds)
        _show(jobs, time.monotonic() - started)
        died = [name for name, pid in running.stack.supervisor.pids().items() if pid != workers[name]]
        unclear = [job for job in jobs if not job.ok and not (job.error and job.error.message)]
        ((peak,),) = running.sql(PEAK)
        click.echo(f"processes of the service that died: {', '.join(died) or 'none'}")
        click.echo(f"bad outcomes without a reason: {len(unclear)}")
        click.echo(f"most memory of a process that failed to parse: {peak:.0f} MiB")
        return not died and not unclear and peak <= MOST_MIB


def _wait(running: Service, ids: list[UUID], seconds: float) -> list[Job]:
    give_up = time.monotonic() + seconds
    while True:
        jobs = running.client.jobs(ids=ids, limit=len(ids))
        waiting = Counter(job.waiting_because for job in jobs if not job.finished)
        if len(jobs) == len(set(ids)) and not waiting:
            return jobs
        if time.monotonic() > give_up:
            raise TooSlow(f"{waiting.total()} of {len(ids)} jobs have no outcome: {waiting.most_common(3)}")
        time.sleep(LOOK_SECONDS)


def _show(jobs: list[Job], seconds: float) -> None:
    outcomes = Counter((job.status.value, job.error.code if job.error else "") for job in jobs)
    click.echo(f"{len(jobs)} jobs in {seconds:.0f} s")
    for (status, code), count in sorted(outcomes.items()):
        click.echo(f"  {count:5}  {status} {code}")
    for job in sorted(jobs, key=lambda job: job.document.name):
        if job.error:
            click.echo(f"  {job.document.name}: {job.error.message}")
