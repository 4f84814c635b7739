"""The rules: each looks at what the service knows already, and says what is alarming."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection, text

from config.notifications import AlertLimits
from config.settings import Settings
from docrelay.names import Queue
from docrelay.waiting import ALIVE_SECONDS, READY_STAGES

GIB = 1024**3
NEWEST_EVENTS = 20_000
"""What happened lately is at the end of one index; a rule reads no further, however long the history is."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that is wrong now: by which rule, with what (a queue, say), in a sentence, and what to do."""

    rule: str
    subject: str
    found: str
    remedy: str


Rule = Callable[[Connection, AlertLimits], Iterator[Alarm]]

CONSUMED = text(
    f"""
    select distinct queue from processes
    where role = 'worker' and beat_at > now() - interval '{ALIVE_SECONDS} seconds'
    """  # noqa: S608 - a constant of ours
)


def no_worker(connection: Connection, _: AlertLimits) -> Iterator[Alarm]:
    """A queue that nobody consumes."""
    consumed = set(connection.scalars(CONSUMED))
    for queue in Queue:
        if queue.value not in consumed:
            remedy = f"start `python -m celery -A app worker --queues {queue} --pool threads`"
            yield Alarm("queue.no_worker", queue.value, f"No worker consumes {queue}: its jobs wait", remedy)


OLDEST = text(
    f"""
    select queue, extract(epoch from now() - min(greatest(ready_at, due_at))) as seconds, count(*) as waiting
    from {READY_STAGES} where due_at <= now() group by queue
    """  # noqa: S608 - a constant of ours
)


def oldest(connection: Connection, limits: AlertLimits) -> Iterator[Alarm]:
    """A stage that could run and waits too long."""
    for row in connection.execute(OLDEST):
        if row.seconds > limits.oldest_seconds:
            found = f"{row.waiting} wait on {row.queue}, the oldest for {row.seconds / 60:.0f} minutes"
            yield Alarm("queue.slow", row.queue, found, "add workers, or see why with `python -m app doctor`")


LATELY = f"(select kind, at from events order by id desc limit {NEWEST_EVENTS}) lately"  # noqa: S608
ENDED = text(
    f"""
    select count(*) as jobs, count(*) filter (where kind in ('job failed', 'job quarantined')) as bad
    from {LATELY} where kind like 'job %' and at > now() - interval '15 minutes'
    """  # noqa: S608 - constants of ours
)


def failing(connection: Connection, limits: AlertLimits) -> Iterator[Alarm]:
    """Many of the jobs that ended lately ended badly."""
    row = connection.execute(ENDED).one()
    if row.jobs >= limits.failure_jobs and 100 * row.bad >= limits.failure_percent * row.jobs:
        found = f"{row.bad} of the {row.jobs} jobs of the last 15 minutes failed"
        yield Alarm("jobs.failing", "", found, "see why: `docrelay jobs --status failed`")


QUARANTINED = text(
    f"select count(*) from {LATELY} where kind = 'job quarantined' and at > now() - interval '1 hour'"  # noqa: S608
)


def quarantine(connection: Connection, _: AlertLimits) -> Iterator[Alarm]:
    """Something was quarantined within the hour."""
    jobs = connection.scalar(QUARANTINED)
    if jobs:
        found = f"{jobs} {'job was' if jobs == 1 else 'jobs were'} quarantined within an hour"
        yield Alarm("quarantine.grew", "", found, "look at them: `python -m app quarantine list --since 1h`")


ALIVE = text(
    f"""
    select role, count(*) from processes where beat_at > now() - interval '{ALIVE_SECONDS} seconds' group by role
    """  # noqa: S608 - a constant of ours
)


def silent(connection: Connection, _: AlertLimits) -> Iterator[Alarm]:
    """No Beat, which the dispatchers tell; or no dispatcher, which Beats tell."""
    alive = {row.role for row in connection.execute(ALIVE)}
    remedy = "start one; `python -m app doctor` says how"
    if "beat" not in alive:
        yield Alarm("beat.silent", "", "Beat is silent: no recurring job starts", remedy)
    if "dispatcher" not in alive:
        yield Alarm("dispatcher.silent", "", "No dispatcher runs: documents are accepted and wait", remedy)


RETRIES = text(
    f"""
    select count(*) / 5.0 from {LATELY}
    where kind = 'failed, will be tried again' and at > now() - interval '5 minutes'
    """  # noqa: S608 - constants of ours
)


def retries(connection: Connection, limits: AlertLimits) -> Iterator[Alarm]:
    """Much is tried again: something that everything needs is down."""
    per_minute = float(connection.scalar(RETRIES) or 0)
    if per_minute > limits.retries_per_minute:
        found = f"{per_minute:.0f} stages a minute are tried again"
        yield Alarm("retries.climbing", "", found, "see what they wait for: `docrelay jobs --status running`")


MISSED = text(
    """
    select entry, sum(times) as runs, max(due_at) as last from schedule_runs
    where outcome = 'missed' and due_at > now() - interval '6 hours' group by entry order by entry
    """
)


def missed(connection: Connection, _: AlertLimits) -> Iterator[Alarm]:
    """A recurring job that was due and did not run."""
    for row in connection.execute(MISSED):
        found = f"{row.entry} was missed {row.runs} times, last at {row.last:%H:%M} UTC"
        yield Alarm("schedule.missed", row.entry, found, "see that a Beat runs: `python -m app doctor`")


UNWELL = text("select file, split_part(problem, E'\\n', 1) as problem from schedule_state where problem is not null")


def schedule_file(connection: Connection, _: AlertLimits) -> Iterator[Alarm]:
    """The schedule file has mistakes: the last good one counts, and changes do not."""
    for row in connection.execute(UNWELL):
        yield Alarm("schedule.file", row.file, f"The schedule is not well: {row.problem}", f"correct {row.file}")


REFUSING = text(
    """
    select target, count(*) as waiting from deliveries
    where status = 'pending' and tries > 2 and created_at < now() - cast(:seconds as float8) * interval '1 second'
    group by target order by count(*) desc limit 20
    """
)


def refusing(connection: Connection, limits: AlertLimits) -> Iterator[Alarm]:
    """A target that takes no notifications."""
    for row in connection.execute(REFUSING, {"seconds": limits.undelivered_minutes * 60}):
        target = row.target.partition("?")[0]
        found = f"{row.waiting} notifications to {target} have waited for {limits.undelivered_minutes:.0f} minutes"
        yield Alarm("delivery.refused", target, found, "see why: `docrelay deliveries list --status pending`")


RULES: tuple[Rule, ...] = (no_worker, oldest, failing, quarantine, silent, retries, missed, schedule_file, refusing)
"""Those that ask the database; `broker.unreachable`, `database.unreachable` and `disk.low` are seen by the watch."""


def disks(settings: Settings, limits: AlertLimits) -> Iterator[Alarm]:
    """Little room where the service keeps things, on this host."""
    folders = [settings.home]
    storage = urlsplit(settings.storage_url)
    if storage.scheme == "file":
        folders.append(Path(unquote(storage.path)))
    for folder in folders:
        there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        usage = shutil.disk_usage(there)
        if usage.free < GIB or 100 * usage.free < limits.disk_percent * usage.total:
            found = f"{usage.free / GIB:.1f} GiB are left on the disk of {there}"
            yield Alarm("disk.low", str(there), found, "make room: a full disk stops Postgres")


def broker_down(trouble: str | None) -> Iterator[Alarm]:
    """The broker does not answer: submissions are accepted, nothing is begun."""
    if trouble:
        found = "The broker cannot be reached: documents are accepted and wait"
        yield Alarm("broker.unreachable", "", found, f"start it, or correct DOCRELAY_BROKER_URL ({trouble})")
