"""Real time: several Beats at entries of every second, while whoever leads is killed again and again."""

import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks.schedule.counting import MODULE, TASK
from benchmarks.schedule.fleet import with_beats
from benchmarks.service import Service, TooSlow, broker, service

ALLOWED_SECONDS = 15.0
"""A due time may come so late when its Beat died."""

FINISH_SECONDS = 120.0

ENTRY = """
[tick-{number}]
every = "1s"
task = "{task}"
overlap = "allow"
rehearsal = "off"
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run."""

    seconds: float
    beats: int
    entries: int
    kill_every: float
    broker: str


@dataclass(frozen=True, slots=True)
class Found:
    """What the ledger says of the time between the first and the last due time. Times in seconds."""

    due_times: int
    rows: int
    sent: int
    jobs: int
    succeeded: int
    latest: float
    longest_gap: float
    leaders: int
    kills: int
    slowest_takeover: float

    def problems(self) -> Iterator[str]:
        """What should not be."""
        if self.rows != self.due_times:
            yield f"{self.due_times} due times have {self.rows} rows"
        if not self.due_times == self.sent == self.jobs == self.succeeded:
            yield f"of {self.due_times} due times {self.sent} were sent as {self.jobs} jobs; {self.succeeded} went well"
        if max(self.latest, self.longest_gap - 1) > ALLOWED_SECONDS:
            yield f"a due time came {self.latest:.1f} s late, the longest gap was {self.longest_gap:.1f} s"
        if not self.kills:
            yield "nobody was killed"


def run(wanted: Wanted) -> bool:
    """Print what was found; whether all is well."""
    with TemporaryDirectory(prefix="docrelay-schedule-") as folder, broker(wanted.broker) as server:
        file = Path(folder) / "schedule.toml"
        file.write_text("".join(ENTRY.format(number=number, task=TASK) for number in range(wanted.entries)))
        with service(server, planned=with_beats(wanted.beats), schedule_file=file, task_modules=MODULE) as running:
            takeovers = list(_killing(running, wanted))
            file.write_text("")  # no more due times
            _wait(running)
            found = _look(running, takeovers)
    _print(wanted, found)
    problems = list(found.problems())
    for problem in problems:
        click.echo(f"WRONG: {problem}")
    return not problems


def _killing(running: Service, wanted: Wanted) -> Iterator[float]:
    """Kill the leader again and again; how long each time until another run was sent."""
    end = time.monotonic() + wanted.seconds
    while (left := end - time.monotonic()) > 0:
        # At any moment of the second, not just after a round.
        time.sleep(min(wanted.kill_every + random.uniform(-0.5, 0.5), left))
        ((pid,),) = running.sql("select split_part(leader, ':', -1)::int from schedule_state")
        if int(pid) not in running.stack.supervisor.pids().values():
            continue  # the last one that led has died, and its successor has not begun yet
        os.kill(int(pid), signal.SIGKILL)
        ((killed_at,),) = running.sql("select extract(epoch from clock_timestamp())::float8")
        yield _next_sent(running, killed_at) - killed_at


NEXT_SENT = """
    select extract(epoch from sent_at)::float8 from schedule_runs
    where sent_at > to_timestamp(%s) order by sent_at limit 1
"""


def _next_sent(running: Service, after: float) -> float:
    give_up = time.monotonic() + FINISH_SECONDS
    while time.monotonic() < give_up:
        if rows := running.sql(NEXT_SENT, after):
            return rows[0][0]
        time.sleep(0.1)
    raise TooSlow(f"nobody took over within {FINISH_SECONDS:g} s")


def _wait(running: Service) -> None:
    give_up = time.monotonic() + FINISH_SECONDS
    while running.sql("select 1 from schedule_entries where present") or running.sql(
        "select 1 from schedule_runs where outcome is null limit 1"
    ):
        if time.monotonic() > give_up:
            raise TooSlow(f"runs were not over after {FINISH_SECONDS:g} s")
        time.sleep(0.5)


LOOK = """
    with gaps as (
        select due_at, sent_at, sent_at - lag(sent_at) over (partition by entry order by due_at) as gap, entry
        from schedule_runs
    ), spans as (select extract(epoch from max(due_at) - min(due_at)) + 1 as due from schedule_runs group by entry)
    select (select sum(due)::int from spans), count(*), count(sent_at), count(distinct job_id),
           count(*) filter (where outcome = 'succeeded'),
           (select extract(epoch from max(sent_at - due_at))::float8 from gaps),
           (select extract(epoch from max(gap))::float8 from gaps),
           count(distinct who)
    from schedule_runs
"""


def _look(running: Service, takeovers: list[float]) -> Found:
    ((due, rows, sent, jobs, succeeded, latest, gap, leaders),) = running.sql(LOOK)
    return Found(
        int(due), int(rows), int(sent), int(jobs), int(succeeded), latest, gap, int(leaders), len(takeovers),
        max(takeovers, default=0.0),
    )  # fmt: skip


def _print(wanted: Wanted, found: Found) -> None:
    rows = (
        (f"due times ({wanted.entries} entries of every second, {wanted.beats} Beats)", found.due_times),
        ("rows in the ledger", found.rows),
        ("sent, as so many jobs", found.jobs),
        ("of them succeeded", found.succeeded),
        ("leaders killed with kill -9", found.kills),
        ("processes that have led", found.leaders),
        ("latest after its due time, s", f"{found.latest:.2f}"),
        ("longest time between two runs of an entry, s", f"{found.longest_gap:.2f}"),
        ("longest from a kill to the next run, s", f"{found.slowest_takeover:.2f}"),
    )
    for name, value in rows:
        click.echo(f"| {name} | {value} |")
