"""`docrelay retry`, `cancel` and `delete`."""

import sys
import uuid
from collections.abc import Callable, Sequence
from typing import TypeVar

import click

from docrelay.cli.exits import Exit
from docrelay.cli.options import find_job, json_option, password_option, with_client
from docrelay.cli.present import console, counted, print_json, print_table, status
from docrelay.client import Client
from docrelay.errors import DocrelayError
from docrelay.views import Job

Result = TypeVar("Result")


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--from", "from_stage", metavar="STAGE", help="Begin with this stage, not with the one that failed.")
@password_option
@json_option
@with_client
def retry(
    client: Client, /, ids: tuple[str, ...], *, from_stage: str | None, password: str | None, as_json: bool
) -> None:
    """Start jobs again that failed, were cancelled or are not complete; what earlier stages made is kept."""
    if password is not None and len(ids) > 1:
        raise click.UsageError(f"--password-file is for one job, and these are {len(ids)}")

    def again(given: str) -> Job:
        return client.retry(find_job(client, given).id, from_stage=from_stage, password=password)

    _change(ids, again, as_json=as_json)


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@json_option
@with_client
def cancel(client: Client, /, ids: tuple[str, ...], *, as_json: bool) -> None:
    """End jobs that have no outcome yet: queued ones at once, running ones within seconds."""
    _change(ids, lambda given: client.cancel(find_job(client, given).id), as_json=as_json)


@click.command()
@click.argument("documents", nargs=-1, required=True, type=click.UUID, metavar="DOCUMENT...")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
@with_client
def delete(client: Client, /, documents: Sequence[uuid.UUID], *, yes: bool, as_json: bool) -> None:
    """Remove documents (by the document's id, as `show` has it) with their jobs, text and vectors."""
    if not yes:
        asked = f"Remove {counted(len(documents), 'document')} for good, with jobs, text and vectors?"
        click.confirm(asked, abort=True, err=True)

    def remove(given: str) -> str:
        client.delete(given)
        return given

    removed = _try_each([str(document) for document in documents], remove)
    if as_json:
        print_json([{"id": document, "deleted": True} for document in removed])
    else:
        for document in removed:
            click.echo(f"{document}\tdeleted")
    sys.exit(Exit.OK if len(removed) == len(documents) else Exit.ERROR)


def _change(ids: Sequence[str], change: Callable[[str], Job], *, as_json: bool) -> None:
    changed = _try_each(ids, change)
    if as_json:
        print_json([job.as_dict() for job in changed])
    else:
        rows = [(str(job.id), status(job.status), job.document.name) for job in changed]
        print_table(console(), ("job", "status", "document"), rows)
    sys.exit(Exit.OK if len(changed) == len(ids) else Exit.ERROR)


def _try_each(ids: Sequence[str], change: Callable[[str], Result]) -> list[Result]:
    """What came of those that could be changed; one that cannot does not keep the others from it."""
    changed: list[Result] = []
    for given in ids:
        try:
            changed.append(change(given))
        except DocrelayError as error:
            click.echo(f"error: {error}", err=True)
    return changed
