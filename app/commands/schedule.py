"""`python -m app schedule`: which recurring jobs there are, when they come, and what became of them."""

import sys
import uuid
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click
from sqlalchemy import Connection

from app.operator import ask, operator
from app.runtime import database_url
from app.schedule import asking, ledger, overview
from app.schedule.entries import Entry
from app.schedule.file import read
from app.schedule.recurring import argument_models
from config.settings import settings
from docrelay import Client
from docrelay.cli.present import console, duration, print_json, print_table, status
from docrelay.errors import NotFound
from docrelay.views import Job, plain

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document.")
SECONDS = "%a %Y-%m-%d %H:%M:%S"


@click.group()
def command() -> None:
    """List, try out, run, pause and look back at the recurring jobs of the schedule file."""


def _entries() -> dict[str, Entry]:
    return read(settings().schedule_file, argument_models())


def _entry(name: str) -> Entry:
    entries = _entries()
    if name not in entries:
        known = ", ".join(sorted(entries)) or "none"
        raise NotFound(f"{settings().schedule_file} has no entry {name!r}; it has {known}")
    return entries[name]


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the entries: whether they fire, or why not; the next time, the last run, when and what."""
    entries = _entries()
    lines = ask("schedule", lambda c: overview.lines(c, entries))
    if as_json:
        print_json([plain(asdict(line)) for line in lines])
        return
    rows = [
        (line.name, _short(line.state), _utc(line.next_at), _last(line), f"{line.timing} {line.timezone}, {line.work}")
        for line in lines
    ]
    print_table(console(), ("entry", "state", "next (UTC)", "last (UTC)", "what"), rows)
    # Below, and not in the table: whole, as there is a command in it to copy.
    for line in lines:
        if line.state not in ("fires", "disabled"):
            click.echo(f"{line.name}: {line.state}")


def _short(state: str) -> str:
    return next((word for word in ("held", "paused", "fires", "disabled") if state.startswith(word)), "new")


def _last(line: overview.Line) -> str:
    return f"{line.last_outcome} {_utc(line.last_due)}" if line.last_due else "never"


def _utc(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


@command.command("next")
@click.argument("count", type=click.IntRange(1, 10_000), default=10)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
def next_(count: int, names: tuple[str, ...], as_json: bool) -> None:
    """Show the coming COUNT due times, in UTC and in each entry's own zone."""
    entries = _entries() if not names else {name: _entry(name) for name in names}
    found = overview.coming(entries, datetime.now(UTC), count)
    if as_json:
        print_json([plain(asdict(each)) for each in found])
        return
    rows = [
        (each.name, each.due.strftime(SECONDS), each.local.strftime(f"{SECONDS} %z"), each.timezone) for each in found
    ]
    print_table(console(), ("entry", "UTC", "in its zone", "zone"), rows)


@command.command()
@click.argument("name", required=False)
@click.option("--outcome", help="Only these: succeeded, failed, skipped, missed, held, expired, running …")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="So many.")
@json_option
def history(name: str | None, outcome: str | None, limit: int, as_json: bool) -> None:
    """Show what became of each due time, newest first: of one entry, or of all."""
    runs = ask("schedule", lambda c: _history(c, name, outcome, limit))
    if as_json:
        print_json([plain(asdict(each)) for each in runs])
        return
    headers = ("entry", "due (UTC)", "outcome", "took", "by", "what")
    print_table(console(), headers, [_past(each) for each in runs])


def _history(connection: Connection, name: str | None, outcome: str | None, limit: int) -> list[overview.Past]:
    ledger.settle(connection)
    return overview.history(connection, name, outcome=outcome, limit=limit)


def _past(each: overview.Past) -> tuple[Any, ...]:
    kind = {"schedule": "caught up" if each.caught_up else "schedule"}.get(each.kind, each.kind)
    outcome = status(each.outcome)
    if each.times > 1:
        outcome.append(f" ×{each.times}")
    made = ", ".join(f"{number} {word}" for word, number in sorted(each.made.items()))
    what = [each.reason or _says(each.detail), made and f"jobs: {made}"]
    return each.entry, _utc(each.due_at), outcome, duration(each.seconds), kind, "; ".join(filter(None, what))


def _says(detail: dict[str, Any]) -> str:
    counts = {key.replace("_", " "): value for key, value in detail.items() if isinstance(value, int)}
    return ", ".join(f"{key} {value}" for key, value in counts.items() if value) or ", ".join(
        f"{key} 0" for key in counts
    )


@command.command()
@click.argument("name")
@click.option("--no-wait", is_flag=True, help="Print the job and go.")
@click.option("--anyway", is_flag=True, help="Though it was not rehearsed.")
@json_option
def run(name: str, no_wait: bool, anyway: bool, as_json: bool) -> None:
    """Run an entry now, besides its due times, and wait for its end."""
    entry = _entry(name)
    run_id, job_id = ask("schedule", lambda c: asking.run(c, name, entry, operator(), anyway=anyway))
    _follow(name, run_id, job_id, wait=not no_wait, as_json=as_json)


@command.command()
@click.argument("name")
@click.option("--no-wait", is_flag=True, help="Print the job and go.")
@json_option
def rehearse(name: str, no_wait: bool, as_json: bool) -> None:
    """Try an entry out: it runs as it would run, but only says what it would have done.

    After a rehearsal that went well the entry fires, until its task, arguments or limit are changed.
    """
    entry = _entry(name)
    run_id, job_id = ask("schedule", lambda c: asking.rehearse(c, name, entry, operator()))
    _follow(name, run_id, job_id, wait=not no_wait, as_json=as_json)


def _follow(name: str, run_id: uuid.UUID, job_id: uuid.UUID, *, wait: bool, as_json: bool) -> None:
    if not wait:
        click.echo(job_id)
        return
    with Client(database_url()) as client:
        for job in client.watch(job_id):
            _progress(job)
    ask("schedule", ledger.settle)
    (past,) = [each for each in ask("schedule", lambda c: overview.history(c, name, limit=50)) if each.id == run_id]
    if as_json:
        print_json(plain(asdict(past)))
    else:
        _print_run(past)
    sys.exit(past.outcome != "succeeded")


def _progress(job: Job) -> None:
    if not job.finished and job.waiting_because:
        click.echo(job.waiting_because, err=True)


def _print_run(past: overview.Past) -> None:
    what = "rehearsal" if past.kind == "rehearsal" else "run"
    click.echo(f"{what} of {past.entry}: {past.outcome} after {duration(past.seconds)}, job {past.job_id}")
    if past.reason:
        click.echo(f"  {past.reason}")
    for key, value in past.detail.items():
        _print_detail(key.replace("_", " "), value)
    if past.kind == "rehearsal":
        click.echo("nothing was changed" + ("; it will fire from now on" if past.outcome == "succeeded" else ""))


def _print_detail(key: str, value: Any) -> None:
    if not isinstance(value, list):
        click.echo(f"  {key}: {value}")
        return
    click.echo(f"  {key}:")
    for each in value:
        words = [f"{word} {item}" for word, item in each.items()] if isinstance(each, dict) else [str(each)]
        click.echo(f"    {', '.join(words)}")


@command.command()
@click.argument("name")
@click.option("--because", metavar="TEXT", help="Why; shown with every due time that is skipped.")
def pause(name: str, because: str | None) -> None:
    """Let an entry's due times pass until `resume`."""
    ask("schedule", lambda c: asking.pause(c, name, who=operator(), because=because))
    click.echo(f"{name} is paused")


@command.command()
@click.argument("name")
def resume(name: str) -> None:
    """Let a paused entry fire again."""
    ask("schedule", lambda c: asking.resume(c, name))
    click.echo(f"{name} is resumed")
