"""`python -m app quarantine`: what could not be processed, why, and what becomes of it."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from app.operator import ask, operator
from app.quarantine import (
    Attempt,
    Case,
    Letter,
    Selection,
    discard,
    discard_letters,
    examine,
    examine_letter,
    moment,
    read_bytes,
    replay,
    select_cases,
    select_letters,
)
from config.settings import settings
from docrelay.cli.present import console, duration, print_json, print_table, printable
from docrelay.views import plain

Command = Callable[..., None]


@click.group()
def command() -> None:
    """Look at quarantined jobs and refused messages; try them again or put them aside."""


def selecting(function: Command) -> Command:
    """Options that narrow what is meant."""
    options = [
        click.argument("ids", nargs=-1, metavar="[ID]..."),
        click.option("--class", "error_class", help="Only errors of this class: poison."),
        click.option("--code", help="Only this error: crashed, limit_memory, limit_time, limit_silence, lost …"),
        click.option("--stage", help="Only what failed in this stage."),
        click.option("--since", metavar="TIME", help="Not before this: 30m, 2h, 3d, or 2026-01-31T14:00 (UTC)."),
        click.option("--until", metavar="TIME", help="Before this."),
        click.option("--json", "as_json", is_flag=True, help="One JSON document."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def _selection(ids: tuple[str, ...], since: str | None, until: str | None, **others: Any) -> Selection:
    return Selection(ids, since=moment(since) if since else None, until=moment(until) if until else None, **others)


@command.command("list")
@selecting
@click.option("--all", "discarded", is_flag=True, help="Those that were discarded, too.")
def list_(as_json: bool, **given: Any) -> None:
    """List what waits for a person, oldest first."""
    selection = _selection(**given)
    cases, letters = ask("quarantine", lambda c: (select_cases(c, selection), select_letters(c, selection)))
    if as_json:
        print_json({"jobs": [_plain(case) for case in cases], "messages": [_plain(letter) for letter in letters]})
        return
    rows = [
        (str(case.id), _time(case), case.stage, case.code, printable(case.name), printable(case.message))
        for case in cases
    ]
    rows += [
        (letter.id, _time(letter), letter.stage or "", letter.reason, letter.queue or "", "a message that was refused")
        for letter in letters
    ]
    print_table(console(), ("id", "since", "stage", "code", "what", "why"), rows)


@command.command()
@click.argument("id", metavar="ID")
@click.option("--bytes", "file", type=click.Path(path_type=Path), help="Write the document, or the message, here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(id: str, file: Path | None, as_json: bool) -> None:  # noqa: A002 - what the user gives
    """Show one: why it is here, every try with what it used, and the last lines of its process."""
    selection = Selection((id,))
    for letter in ask("quarantine", lambda c: select_letters(c, selection)):
        _show_letter(letter, file)
    for case in ask("quarantine", lambda c: select_cases(c, selection)):
        _show_case(case, file, as_json=as_json)


def _show_letter(letter: Letter, file: Path | None) -> None:
    headers, body = ask("quarantine", lambda c: examine_letter(c, letter))
    if file:
        _write(file, body)
    print_json(_plain(letter) | {"headers": headers, "body": body.decode(errors="backslashreplace")})


def _show_case(case: Case, file: Path | None, *, as_json: bool) -> None:
    examined = ask("quarantine", lambda c: examine(c, case))
    if file:
        _write(file, ask("quarantine", lambda c: read_bytes(c, case, settings().storage_url)))
    if as_json:
        print_json(_plain(examined))
    else:
        _print_case(examined)


def _write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error}") from error


@command.command("replay")
@selecting
@click.option("--from", "from_stage", metavar="STAGE", help="Begin with this stage, not with the one that failed.")
def replay_(as_json: bool, from_stage: str | None, **given: Any) -> None:
    """Start the selected jobs again; what earlier stages made is kept."""
    selection = _narrow(**given)

    def work(connection: Connection) -> list[Case]:
        cases = select_cases(connection, selection)
        return [case for case in cases if replay(connection, case, who=operator(), from_stage=from_stage)]

    _report("replayed", [str(case.id) for case in ask("quarantine", work)], as_json=as_json)


@command.command("discard")
@selecting
def discard_(as_json: bool, **given: Any) -> None:
    """Put the selected jobs aside (they stay, with their history) and remove the selected messages."""
    selection = _narrow(**given)

    def work(connection: Connection) -> list[str]:
        letters = select_letters(connection, selection)
        cases = [case for case in select_cases(connection, selection) if discard(connection, case, who=operator())]
        discard_letters(connection, letters)
        return [*(str(case.id) for case in cases), *(letter.id for letter in letters)]

    _report("discarded", ask("quarantine", work), as_json=as_json)


def _narrow(**given: Any) -> Selection:
    selection = _selection(**given)
    if selection.everything:
        raise click.UsageError("say which: ids, or --class, --code, --stage, --since, --until")
    return selection


def _report(what: str, ids: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json([{"id": each, what: True} for each in ids])
        return
    for each in ids:
        click.echo(f"{each}\t{what}")


def _plain(thing: Case | Letter) -> dict[str, Any]:
    values: dict[str, Any] = plain(asdict(thing))
    return values | {"id": str(thing.id)}


def _time(thing: Case | Letter) -> str:
    return thing.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _print_case(case: Case) -> None:
    aside = ", discarded" if case.discarded else ""
    click.echo(f"{printable(case.name)}  in {printable(case.collection)}, {case.pipeline}{aside}")
    click.echo(f"job      {case.id}\nsince    {_time(case)}")
    click.echo(f"why      {case.stage}: {printable(case.message)} ({case.error_class}, {case.code})")
    for attempt in case.attempts:
        _print_attempt(attempt)
    _print_lines("traceback", (case.traceback or "").splitlines())
    _print_lines("last lines of its process", next((each.log for each in reversed(case.attempts) if each.log), []))


def _print_attempt(attempt: Attempt) -> None:
    used = "".join(f", {name.replace('_', ' ')} {value}" for name, value in (attempt.resources or {}).items())
    line = f"{attempt.stage} #{attempt.number}  {attempt.outcome or 'running'} after {duration(attempt.seconds)}"
    why = f": {printable(attempt.message)}" if attempt.message else ""
    click.echo(f"  {line} by {attempt.worker}{why}{used}")


def _print_lines(title: str, lines: list[str]) -> None:
    if lines:
        click.echo(f"\n{title}")
    for line in lines:
        click.echo(f"  {printable(line)}")
