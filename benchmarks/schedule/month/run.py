"""The whole proof: drive Beats through the spans, judge the ledger, print the table."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from app.development.server import RabbitMQ
from app.development.service import service
from app.stack.whole import Stack
from benchmarks.schedule.counting import MODULE
from benchmarks.schedule.fleet import with_beats
from benchmarks.schedule.month.almanac import due_times, utc
from benchmarks.schedule.month.beats import Beats
from benchmarks.schedule.month.clock import Clock
from benchmarks.schedule.month.drive import Drive
from benchmarks.schedule.month.entries import ENTRIES
from benchmarks.schedule.month.judge import Judgement, judge
from benchmarks.schedule.month.mishaps import Chance
from config.settings import PREFIX

Span = tuple[datetime, datetime]

# In the first, New York, Berlin and Beirut put their clocks forward and Lord Howe puts its back; in the second the
# other way round.
SPANS: tuple[Span, ...] = ((utc(2025, 3, 6), utc(2025, 4, 8)), (utc(2025, 10, 3), utc(2025, 11, 5)))

FATES = ("in time", "caught up", "skipped", "missed", "held", "expired")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to simulate."""

    spans: Sequence[Span] = SPANS
    beats: int = 3
    mishaps: int = 120
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of it."""

    judgement: Judgement
    chance: Chance
    outages: int
    beats_started: int
    seconds: float


def run(
    wanted: Wanted, server: RabbitMQ, say: Callable[[str], None] = lambda _: None, *, database_url: str = ""
) -> Simulated:
    """Simulate with a service of its own; without a URL on a database of its own too."""
    with TemporaryDirectory(prefix="docrelay-month-") as folder:
        # Postgres runs as another user when we are root, and must get through to its folder.
        home = Path(folder)
        home.chmod(0o711)
        file = home / "schedule.toml"
        file.touch()
        with service(
            home,
            planned=with_beats(0),
            schedule_file=file,
            broker_url=server.url,
            broker_api_url=server.api_url,
            task_modules=MODULE,
            database_url=database_url,
        ) as stack:
            return _simulate(wanted, stack, server, file, say)


def _simulate(wanted: Wanted, stack: Stack, server: RabbitMQ, file: Path, say: Callable[[str], None]) -> Simulated:
    started = time.monotonic()
    almanac = {entry.name: [due for span in wanted.spans for due in due_times(entry, *span)] for entry in ENTRIES}
    chance = Chance(random.Random(wanted.seed), len(set().union(*almanac.values())), wanted.mishaps)
    clock = Clock(stack.database_url, wanted.spans[0][0])
    environment = {
        f"{PREFIX}DATABASE_URL": stack.database_url,
        f"{PREFIX}BROKER_URL": server.url,
        f"{PREFIX}SCHEDULE_FILE": str(file),
        f"{PREFIX}TASK_MODULES": MODULE,
    }
    beats = Beats(wanted.beats, environment, file.with_name("beats.log"))
    with beats:
        drive = Drive(stack.database_url, clock, beats, chance, file, environment)
        for number, span in enumerate(wanted.spans):
            _span(drive, span, is_first=number == 0, say=say)
        drive.close()
    judgement = judge(stack.database_url, almanac, drive.outages)
    return Simulated(judgement, chance, len(drive.outages), beats.started, time.monotonic() - started)


def _span(drive: Drive, span: Span, *, is_first: bool, say: Callable[[str], None]) -> None:
    instants = sorted({due for entry in ENTRIES for due in due_times(entry, *span)})
    by_hand = {0.3: drive.pause, 0.4: drive.resume, **({0.5: drive.rehearse} if is_first else {})}
    when = {int(part * len(instants)): action for part, action in by_hand.items()}
    drive.begin(span[0])
    for number, due in enumerate(instants):
        if number in when:
            when[number]()
        if not number % 100:
            say(f"{due:%Y-%m-%d %H:%M} UTC, {number} of {len(instants)} moments")
        drive.step(due)
    drive.end()


def show(simulated: Simulated) -> bool:
    """Print the table; whether all is well."""
    click.echo(f"| entry | zone | when | due | {' | '.join(FATES)} |\n|---|---|---|{'---|' * (len(FATES) + 1)}")
    fates = simulated.judgement.fates
    for entry in ENTRIES:
        when = entry.cron.replace("*", "\\*") or f"every {entry.every_minutes}m"
        counts = " | ".join(str(fates[entry.name].counts[fate]) for fate in FATES)
        click.echo(f"| {entry.name} | {entry.zone} | {when} | {fates[entry.name].due} | {counts} |")
    sums = " | ".join(str(sum(each.counts[fate] for each in fates.values())) for fate in FATES)
    click.echo(f"| all | | | {sum(each.due for each in fates.values())} | {sums} |")
    for mishap, number in sorted(simulated.chance.happened.items()):
        click.echo(f"| {mishap.value} | {number} |")
    click.echo(f"{simulated.beats_started} Beats started, {simulated.outages} outages, {simulated.seconds:.0f} s")
    for problem in simulated.judgement.problems:
        click.echo(f"WRONG: {problem}")
    return not simulated.judgement.problems
