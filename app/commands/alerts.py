"""`python -m app alerts`: what is alarming, whether the channels work, and silence for a while."""

import importlib
import sys
from datetime import UTC, datetime
from typing import Any

import click

from app.operator import ask
from config.notifications import notifications
from docrelay.cli.present import console, duration, print_json, print_table, printable
from docrelay.views import plain

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
COURIER = "tasks.courier"


@click.group()
def command() -> None:
    """See what is alarming, try whether alerts arrive, and silence them for a while."""


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are over, for a week.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(everything: bool, as_json: bool) -> None:
    """List what is alarming now, and the silences; exit status 1 if there is anything."""
    from app.alerts import listed

    alerts, silences = ask("alerts", listed)
    lasting = [alert for alert in alerts if alert["cleared_at"] is None]
    if as_json:
        print_json({"alerts": plain(alerts if everything else lasting), "silences": plain(silences)})
    else:
        out = console()
        shown = alerts if everything else lasting
        print_table(out, ("alert", "state", "since", "told", ""), [_row(alert) for alert in shown])
        rows = [(each["pattern"], each["until"].isoformat(timespec="minutes"), each["because"]) for each in silences]
        print_table(out, ("silenced", "until", "because"), rows)
        if not shown:
            click.echo("nothing is alarming", err=True)
    sys.exit(1 if lasting else 0)


def _row(alert: dict[str, Any]) -> tuple[str, ...]:
    name = f"{alert['rule']}:{alert['subject']}" if alert["subject"] else alert["rule"]
    age = duration((datetime.now(UTC) - alert["since"]).total_seconds())
    state = "over" if alert["cleared_at"] else "lasts"
    told = alert["told_at"].isoformat(timespec="seconds") if alert["told_at"] else "not yet"
    return (printable(name), state, age, told, printable(f"{alert['found']}; {alert['remedy']}"))


@command.command()
@click.option("--target", "targets", multiple=True, help="Only this one; without, all that are told of alerts.")
def test(targets: tuple[str, ...]) -> None:
    """Send a test alert straight from here, without database and broker; exit status 1 if one did not arrive."""
    send: Any = importlib.import_module(COURIER).send_directly
    wanted = targets or tuple(
        dict.fromkeys(each.target for each in notifications().tell if each.event in ("*", "alert.*"))
    )
    if not wanted:
        raise click.UsageError("nobody is told of alerts: see [alerts] targets in DOCRELAY_NOTIFY_FILE, or --target")
    data = {
        "message": "This is a test: alerts arrive here",
        "remedy": "nothing",
        "rule": "test",
        "subject": "",
        "state": "test",
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    failed = False
    for target in wanted:
        why = send(target, "alert.test", data)
        failed = failed or why is not None
        click.echo(f"{target.partition('?')[0]}\t{'arrived' if why is None else why}")
    sys.exit(1 if failed else 0)


@command.command()
@click.argument("pattern")
@click.option("--for", "length", default="2h", show_default=True, help="30m, 2h, 3d; 0s ends a silence.")
@click.option("--because", default="", help="Shown in the list.")
def silence(pattern: str, length: str, because: str) -> None:
    """Tell nothing of alerts like PATTERN for a while: `queue.*`, or `queue.no_worker:docrelay.parse`."""
    from app.alerts import silence as write

    number, unit = length[:-1], length[-1:]
    if not number.isdigit() or unit not in UNITS:
        raise click.UsageError(f"--for {length}: expected such as 30m, 2h or 3d")
    seconds = int(number) * UNITS[unit]
    ask("alerts", lambda connection: write(connection, pattern, seconds, because))
    click.echo(f"{pattern}: silent for {length}" if seconds else f"{pattern}: no longer silent")
