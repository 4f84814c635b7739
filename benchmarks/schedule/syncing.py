"""`sync` of very many small files: the first run, one that finds nothing new, and one that finds ten changes."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from sqlalchemy import Connection, Engine

from app.schedule import asking, ledger
from app.schedule.entries import Entry
from app.schedule.overview import Past, history
from benchmarks.schedule.fleet import with_beats
from benchmarks.schedule.one_stage import MODULE, PIPELINE
from benchmarks.service import Service, TooSlow, broker, service
from docrelay.database import make_engine, transact

FILES_PER_FOLDER = 200
CHANGED = 10
HOUR = 3600
ENTRY = "large-sync"
SECONDS_AT_MOST = 30.0
"""What a run may take that finds nothing."""

MIB_AT_MOST = 32
"""So much may the worker's peak grow from a tenth of the files to all of them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure."""

    files: int
    seconds: float
    broker: str


@dataclass(frozen=True, slots=True)
class Row:
    """One run: what it did, how long it took, and the recur worker's peak memory and bytes read meanwhile."""

    name: str
    run: Past
    jobs: int
    peak_mib: float
    read_mib: float


def run(wanted: Wanted) -> bool:
    """Print what was measured; whether all is well."""
    with TemporaryDirectory(prefix="docrelay-sync-") as folder, broker(wanted.broker) as server:
        file = Path(folder) / "schedule.toml"
        file.touch()
        files = Path(folder) / "files"
        with service(server, planned=with_beats(0, "parse"), schedule_file=file, task_modules=MODULE) as running:
            measuring = _Measuring(running, files, wanted.seconds)
            rows = list(measuring.rows(wanted.files))
            finished = measuring.wait_for_jobs()
    _show(rows, finished)
    problems = list(_problems(rows, wanted.files))
    for problem in problems:
        click.echo(f"WRONG: {problem}")
    return not problems


class _Measuring:
    def __init__(self, running: Service, files: Path, seconds: float) -> None:
        self._running, self._files, self._seconds = running, files, seconds
        self._engine: Engine = make_engine(running.client.url, pool_size=1, application="docrelay benchmark")
        self._begun = time.monotonic()

    def rows(self, count: int) -> Iterator[Row]:
        tenth = count // 10
        _make(self._files, 0, tenth)
        yield self._measure(f"{tenth} new files")
        _make(self._files, tenth, count)
        yield self._measure(f"{count - tenth} more")
        before = self._versions()
        yield self._measure("nothing new")
        if self._versions() != before:
            raise TooSlow("a run that found nothing new has touched rows")
        for number in range(0, count, count // CHANGED):
            _write(_path(self._files, number), f"changed {number}", time.time() - HOUR / 2)
        yield self._measure(f"{CHANGED} changed")

    def _versions(self) -> list[tuple[float, ...]]:
        return self._running.sql("select count(*), sum(xmin::text::bigint) from sync_items")

    def _measure(self, name: str) -> Row:
        pid = self._running.stack.supervisor.pids()["recur"]
        assert pid is not None
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak counts from now on
        jobs, read = self._jobs(), _characters_read(pid)
        past = self._run()
        return Row(name, past, self._jobs() - jobs, _peak(pid) / 1024, (_characters_read(pid) - read) / 1024**2)

    def _jobs(self) -> int:
        ((count,),) = self._running.sql("select count(*) from jobs where pipeline = %s", PIPELINE)
        return int(count)

    def _run(self) -> Past:
        arguments: dict[str, Any] = {"source": str(self._files), "collection": "large", "pipeline": PIPELINE}
        hours = timedelta(hours=6)
        entry = Entry(every=hours, task="sync", arguments=arguments, rehearsal="off", limit=hours)

        def ask(connection: Connection) -> Any:
            return asking.run(connection, ENTRY, entry, "benchmark", anyway=True)

        run_id, job_id = transact(self._engine, ask)
        self._running.client.wait(job_id, timeout=self._seconds)
        transact(self._engine, ledger.settle)
        (past,) = [each for each in transact(self._engine, lambda c: history(c, ENTRY)) if each.id == run_id]
        if past.outcome != "succeeded":
            raise TooSlow(f"the sync is {past.outcome}: {past.reason}")
        return past

    def wait_for_jobs(self) -> tuple[int, float]:
        """How many jobs there are, and how long after the first sync began all had ended."""
        statement = "select count(*) from jobs where pipeline = %s and finished_at is not null"
        while True:
            ((done,),) = self._running.sql(statement, PIPELINE)
            seconds = time.monotonic() - self._begun
            if int(done) == self._jobs():
                return int(done), seconds
            if seconds > self._seconds:
                raise TooSlow(f"{int(done)} jobs had ended after {self._seconds:g} s")
            time.sleep(1)


def _make(folder: Path, first: int, end: int) -> None:
    for number in range(first, end):
        path = _path(folder, number)
        if not number % FILES_PER_FOLDER:
            path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, f"The note of number {number}.\n", time.time() - HOUR)


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number // FILES_PER_FOLDER:05d}" / f"note-{number:07d}.txt"


def _write(path: Path, text: str, at: float) -> None:
    path.write_text(text)
    os.utime(path, (at, at))


def _peak(pid: int) -> int:
    """KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def _characters_read(pid: int) -> int:
    return int(Path(f"/proc/{pid}/io").read_text().split()[1])


def _show(rows: list[Row], finished: tuple[int, float]) -> None:
    heads = ("run", "seconds", "jobs made", "new, changed, unchanged", "worker's peak MiB", "it read, MiB")
    click.echo(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for row in rows:
        counts = ", ".join(str(row.run.detail[key]) for key in ("new", "changed", "unchanged"))
        measured = f"{row.run.seconds or 0:.1f} | {row.jobs} | {counts} | {row.peak_mib:.0f} | {row.read_mib:.1f}"
        click.echo(f"| {row.name} | {measured} |")
    click.echo(f"{finished[0]} jobs had ended {finished[1]:.0f} s after the first sync began")


def _problems(rows: list[Row], files: int) -> Iterator[str]:
    first, _, nothing, changed = rows
    if (nothing.jobs, nothing.run.detail["unchanged"]) != (0, files):
        yield "a run that found nothing new has made jobs, or looked at files"
    if nothing.run.seconds is None or nothing.run.seconds > SECONDS_AT_MOST:
        yield f"finding nothing new took {nothing.run.seconds} s"
    if (changed.jobs, changed.run.detail["changed"]) != (CHANGED, CHANGED):
        yield f"{CHANGED} changes made {changed.jobs} jobs"
    peak = max(row.peak_mib for row in rows)
    if peak > first.peak_mib + MIB_AT_MOST:
        yield f"memory grew from {first.peak_mib:.0f} to {peak:.0f} MiB"
