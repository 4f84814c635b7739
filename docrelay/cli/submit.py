"""`docrelay submit`: files, URLs or stdin in, jobs out."""

import sys
import uuid
from collections.abc import Sequence
from typing import Any

import click

from docrelay.cli.moments import Length, Moment
from docrelay.cli.options import Metadata, json_option, password_option, timeout_option, with_client
from docrelay.cli.present import console, print_json, print_table, status
from docrelay.cli.waiting import wait_for
from docrelay.client import Client
from docrelay.names import PRIORITY_DEFAULT, PRIORITY_HIGHEST, PRIORITY_LOWEST
from docrelay.sources import Source
from docrelay.views import Job

STDIN = "-"


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("-c", "--collection", default="default", show_default=True, help="Where the documents belong.")
@click.option(
    "-m",
    "--metadata",
    multiple=True,
    type=Metadata(),
    help="Kept with each document; or a JSON object. May be given several times.",
)
@click.option("-p", "--pipeline", default="index", show_default=True, help="Which stages they pass.")
@click.option(
    "--priority",
    type=click.IntRange(PRIORITY_LOWEST, PRIORITY_HIGHEST),
    default=PRIORITY_DEFAULT,
    show_default=True,
    help="Higher overtakes lower.",
)
@click.option("--key", help="Idempotency key: the same key gives the same job. For one source.")
@click.option(
    "--notify",
    multiple=True,
    metavar="TARGET",
    help="Is told of the outcome: a webhook's URL, mailto: and an address, @ and a name that the operator gave. "
    "May be given several times.",
)
@click.option(
    "--notify-batch", multiple=True, metavar="TARGET", help="Is told once, when all are through. For several sources."
)
@click.option("--name", help="What to call the document. For one source.")
@click.option(
    "--replaces", type=click.UUID, metavar="DOCUMENT", help="Removed once the new one is searchable. For one source."
)
@click.option("--at", type=Moment(), help="Start then, not before: 2026-01-31T03:00, of this machine's time zone.")
@click.option("--delay", type=Length(), help="Start after so long: 90s, 15m, 2h, 3d. Stored and safe at once.")
@click.option(
    "--max-unfinished",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only while the collection has at most so many jobs without an outcome, these included.",
)
@click.option(
    "--when-full",
    type=click.Choice(["refuse", "wait"]),
    default="refuse",
    show_default=True,
    help="With --max-unfinished: end with status 5, or wait until there is room.",
)
@click.option(
    "-w", "--wait", "--watch", "wait", is_flag=True, help="Stay until the outcome is known, showing progress."
)
@password_option
@timeout_option
@json_option
@with_client
def submit(
    client: Client, /, sources: tuple[str, ...], *, wait: bool, timeout: float | None, as_json: bool, **wishes: Any
) -> None:
    """Submit documents and print their jobs.

    SOURCE is a file, an http(s)/s3/gs/az URL, or - for stdin. Several are accepted together or not at
    all. A document is safe, and its job cannot be lost, once this command has printed its id.
    """
    if timeout is not None:
        wishes["timeout"] = timeout
    made = _submit(client, sources, wishes)
    if not wait:
        _print(made, as_json=as_json)
        return
    finished, code = wait_for(client, made, timeout=timeout, as_json=as_json)
    if as_json:
        print_json([job.as_dict() for job in finished])
    sys.exit(code)


def _submit(client: Client, sources: Sequence[str], wishes: dict[str, Any]) -> list[Job]:
    metadata: dict[str, Any] = {}
    for pairs in wishes.pop("metadata"):
        metadata |= pairs
    wishes["metadata"] = metadata or None
    for_one = {option: wishes.pop(option) for option in ("name", "key", "replaces", "password")}
    if len(sources) == 1:
        if wishes.pop("notify_batch"):
            raise click.UsageError("--notify-batch is for several sources")
        return [_submit_one(client, sources[0], **for_one, **wishes)]
    for option, given in for_one.items():
        if given is not None:
            flag = {"password": "password-file"}.get(option, option)
            raise click.UsageError(f"--{flag} is for one source, and these are {len(sources)}")
    if sources.count(STDIN) > 1:
        raise click.UsageError("stdin (-) can be read only once")
    return client.submit_many([_opened(source) for source in sources], **wishes)


def _submit_one(client: Client, source: str, *, name: str | None, replaces: uuid.UUID | None, **wishes: Any) -> Job:
    if source == STDIN:
        name = name or "stdin"
    return client.submit(_opened(source), name=name, replaces=replaces, **wishes)


def _opened(source: str) -> Source:
    return sys.stdin.buffer if source == STDIN else source


def _print(made: list[Job], *, as_json: bool) -> None:
    if as_json:
        print_json([job.as_dict() for job in made])
        return
    rows = [(str(job.id), status(job.status), job.document.name) for job in made]
    print_table(console(), ("job", "status", "document"), rows)
