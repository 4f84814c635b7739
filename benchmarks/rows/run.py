"""The same questions at each size, and a judgement: what reads a large table whole, or ever more of it."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from app import migrations
from app.stack.embedded import SUPERUSER, EmbeddedPostgres
from app.stack.home import Home
from benchmarks.report import Report
from benchmarks.rows.counters import LARGE_ROWS, Counted, Counters
from benchmarks.rows.fill import fill, settle
from benchmarks.rows.live import Live
from benchmarks.rows.operations import Operation, operations
from benchmarks.rows.plans import explaining, ways
from config.settings import Settings
from docrelay.database import make_engine, transact
from tasks import registry

MOST_GROWTH = 5.0
"""From the smallest size to the largest: a level more in some indexes is far below, and a table's share far above."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure."""

    jobs: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    repetitions: int = 50
    seconds: float = 20.0
    """Bound on one operation at one size."""
    plans: Path | None = None
    large_rows: int = LARGE_ROWS


@dataclass(frozen=True, slots=True)
class Measured:
    """One operation at one size."""

    p50: float
    p99: float
    counted: Counted
    ways: list[str]


@dataclass(slots=True)
class Found:
    """All measurements by operation, then by number of jobs."""

    report: Report
    by_operation: dict[Operation, dict[int, Measured]] = field(default_factory=dict)

    @property
    def faults(self) -> list[str]:
        """What must not be, in a sentence each."""
        return [fault for operation, sizes in self.by_operation.items() for fault in judge(operation, sizes)]

    def show(self, *, as_json: bool) -> None:
        """Print the table, then what is wrong, then what may grow."""
        self.report.facts |= {f"fault {number}": fault for number, fault in enumerate(self.faults, 1)}
        self.report.show(as_json=as_json)


def judge(operation: Operation, sizes: dict[int, Measured]) -> Iterator[str]:
    """What is wrong with it: at the largest size it reads a large table whole, or much more than at the smallest."""
    if operation.grows_because:
        return
    least, most = sizes[min(sizes)], sizes[max(sizes)]
    for table, rows in most.counted.whole.items():
        yield f"{operation.name}: reads {table} from end to end, {rows:,.0f} rows each time"
    if most.counted.pages > MOST_GROWTH * max(1.0, least.counted.pages):
        yield f"{operation.name}: {least.counted.pages:,.0f} pages became {most.counted.pages:,.0f}"


def measure(wanted: Wanted, asked: Sequence[Operation] | None = None) -> Found:
    """Fill tables of each size in a Postgres of their own, and ask everything of them."""
    asked = list(operations()) if asked is None else asked
    found = Found(
        Report(
            "rows: pages (8 KiB) of tables and indexes that each call reads, by the number of jobs",
            {
                "jobs": ", ".join(f"{jobs:,}" for jobs in wanted.jobs),
                "calls": f"{wanted.repetitions} of each; p50 and p99 in milliseconds",
            },
        ),
        {operation: {} for operation in asked},
    )
    kept: dict[str, Any] = {}
    for jobs in sorted(wanted.jobs):
        for operation, measured, plans in _at(jobs, wanted, asked, found.report):
            found.by_operation[operation][jobs] = measured
            kept.setdefault(operation.name, {})[jobs] = plans
    if wanted.plans:
        wanted.plans.write_text(json.dumps(kept, indent=1))
    for operation, sizes in found.by_operation.items():
        found.report.add(operation.name, _numbers(sizes))
    return found


def _numbers(sizes: dict[int, Measured]) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for jobs, measured in sizes.items():
        size = f"{jobs / 1000:g}k"
        numbers |= {f"{size} pages": measured.counted.pages, f"{size} p50": measured.p50, f"{size} p99": measured.p99}
    least, most = (sizes[edge(sizes)].counted.pages for edge in (min, max))
    return numbers | {"growth": most / max(1.0, least)}


def _at(
    jobs: int, wanted: Wanted, asked: Sequence[Operation], report: Report
) -> Iterator[tuple[Operation, Measured, list[Any]]]:
    with TemporaryDirectory(prefix="docrelay-bench-rows-") as folder:
        Path(folder).chmod(0o711)  # Postgres runs as another user when we are root
        home = Home(Path(folder) / "home")
        home.make()
        with EmbeddedPostgres(home) as server:
            address = urlsplit(server.url)
            password = home.secret("postgres-superuser")
            superuser = f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{address.port}{address.path}"
            began = time.monotonic()
            live = _prepare(server.url, superuser, jobs)
            report.facts[f"filled {jobs:,}"] = f"in {time.monotonic() - began:.0f} s"
            counters = Counters(superuser, large_rows=wanted.large_rows)
            for operation in asked:
                yield operation, *_one(operation, live, counters, wanted)
            counters.close()


def _prepare(url: str, superuser: str, jobs: int) -> Live:
    migrations.upgrade(url)
    engine = make_engine(url)
    transact(engine, lambda connection: registry.register(connection, Settings()))
    engine.dispose()
    fill(superuser, jobs)
    live = Live(url)
    live.populate()
    settle(superuser)
    live.look_around()
    live.disconnect()
    return live


def _one(operation: Operation, live: Live, counters: Counters, wanted: Wanted) -> tuple[Measured, list[Any]]:
    counters.begin()
    give_up = time.monotonic() + wanted.seconds
    milliseconds: list[float] = []
    # Enough of them that psycopg prepares the statements, and Postgres plans them for all times if it pays.
    while len(milliseconds) < wanted.repetitions and (len(milliseconds) < 2 or time.monotonic() < give_up):
        began = time.perf_counter()
        operation.run(live, len(milliseconds))
        milliseconds.append((time.perf_counter() - began) * 1000)
    live.disconnect()
    counted = counters.end(len(milliseconds))
    with explaining() as plans:
        operation.run(live, len(milliseconds))
    live.disconnect()
    percentiles = quantiles(milliseconds, n=100, method="inclusive")
    return Measured(percentiles[49], percentiles[98], counted, ways(plans)), plans
