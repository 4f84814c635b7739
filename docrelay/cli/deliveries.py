"""`docrelay deliveries`: the notifications that were sent, or could not be."""

import sys
from collections.abc import Sequence

import click

from docrelay.cli.exits import Exit
from docrelay.cli.options import json_option, with_client
from docrelay.cli.present import (
    clipped,
    console,
    counted,
    duration,
    print_json,
    print_table,
    printable,
    shown_id,
    status,
)
from docrelay.client import Client
from docrelay.errors import DocrelayError, NotFound
from docrelay.names import DeliveryStatus
from docrelay.views import Delivery

RECENT = 1000
"""Shortened ids are looked for among so many of the newest."""

LEAST_CHARACTERS = 4


@click.group()
def deliveries() -> None:
    """See the notifications that were sent, with every try, and send them again."""


@deliveries.command("list")
@click.option(
    "-s", "--status", "wanted", type=click.Choice([each.value for each in DeliveryStatus]), help="Only these."
)
@click.option("-e", "--event", help="Only of this event, such as job.failed.")
@click.option("-t", "--target", help="Only to this target.")
@click.option("-j", "--job", type=click.UUID, help="Only of this job.")
@click.option("-n", "--limit", type=click.IntRange(1), default=30, show_default=True, help="At most so many.")
@json_option
@with_client
def list_(
    client: Client,
    /,
    *,
    wanted: str | None,
    event: str | None,
    target: str | None,
    job: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List notifications, newest first, with why they are not delivered yet."""
    found = client.deliveries(status=wanted, event=event, target=target, job_id=job, limit=limit)
    if as_json:
        print_json([each.as_dict() for each in found])
        return
    out = console()
    width = 40 if out.is_terminal else 1000
    rows = [
        (
            shown_id(out, each.id),
            status(each.status),
            each.event,
            clipped(shown_target(each.target), width),
            str(each.tries),
            printable(each.error or ""),
        )
        for each in found
    ]
    print_table(out, ("delivery", "status", "event", "target", "tries", "why"), rows)


@deliveries.command()
@click.argument("delivery_id", metavar="ID")
@json_option
@with_client
def show(client: Client, /, delivery_id: str, *, as_json: bool) -> None:
    """Show one notification: what it says, and every try with the answer."""
    delivery = client.delivery(_find(client, delivery_id).id)
    if as_json:
        print_json(delivery.as_dict())
        return
    out = console()
    facts = [
        ("delivery", str(delivery.id)),
        ("event", delivery.event),
        ("target", shown_target(delivery.target)),
        ("status", str(delivery.status)),
        ("job", str(delivery.job_id or "")),
        ("written", delivery.created_at.isoformat(timespec="seconds")),
        ("next try", delivery.due_at.isoformat(timespec="seconds") if delivery.due_at else ""),
        ("why", printable(delivery.error or "")),
    ]
    print_table(out, ("", ""), [fact for fact in facts if fact[1]])
    rows = [
        (
            str(attempt.number),
            attempt.at.isoformat(timespec="milliseconds"),
            duration(attempt.seconds),
            str(attempt.status_code or ""),
            printable(attempt.error or attempt.answer or ""),
        )
        for attempt in delivery.attempts
    ]
    print_table(out, ("try", "at", "took", "answer", ""), rows)


@deliveries.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--failed", is_flag=True, help="All that were given up, newest first, at most a thousand.")
@click.option("-t", "--target", help="With --failed: only to this target.")
@json_option
@with_client
def replay(client: Client, /, ids: Sequence[str], *, failed: bool, target: str | None, as_json: bool) -> None:
    """Send notifications again, with their ids, so that a receiver knows those that it has."""
    if bool(ids) == failed:
        raise click.UsageError("give ids, or --failed")
    given = (
        [str(each.id) for each in client.deliveries(status="failed", target=target, limit=RECENT)] if failed else ids
    )
    again: list[Delivery] = []
    for each in given:
        try:
            again.append(client.replay(_find(client, each).id))
        except DocrelayError as error:
            click.echo(f"error: {error}", err=True)
    if as_json:
        print_json([each.as_dict() for each in again])
    else:
        click.echo(f"{counted(len(again), 'notification')} will be sent again", err=True)
        for sent in again:
            click.echo(f"{sent.id}\t{sent.event}\t{shown_target(sent.target)}")
    sys.exit(Exit.OK if len(again) == len(given) else Exit.ERROR)


def shown_target(target: str) -> str:
    """The target without its query, where some keep a password."""
    shown, query, _ = target.partition("?")
    return printable(shown + ("?…" if query else ""))


def _find(client: Client, given: str) -> Delivery:
    wanted = given.lower().lstrip("…")
    if len(wanted) == 36:
        return client.delivery(wanted)
    found = [each for each in client.deliveries(limit=RECENT) if str(each.id).endswith(wanted)]
    if len(wanted) < LEAST_CHARACTERS or not found:
        raise NotFound(f"{given!r} is no delivery's id, nor the end of a recent one's")
    if len(found) > 1:
        raise NotFound(f"{given!r} is the end of {len(found)} ids; give more of it")
    return found[0]
