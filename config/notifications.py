"""Who is told what: DOCRELAY_NOTIFY_FILE, read and checked.

[targets.ops]                       # a name for a target, used as "@ops"
url = "env:OPS_URL"                 # or the URL itself; anything that a channel or Apprise knows
[targets.partner]
url = "https://partner.example/hook"
secrets = ["env:PARTNER_SECRET"]    # of a webhook, the current one first; else derived from the master secret

[[tell]]
events = ["job.failed", "job.quarantined", "batch.finished"]     # or "job.*", "schedule.*", "alert.*", "*"
collections = ["contracts"]         # without: all
targets = ["@partner", "mailto:legal@example.com"]

[alerts]                            # each with its default
targets = []                        # the same as [[tell]] events = ["alert.*"]
repeat_minutes = 240
"""

import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from config.settings import settings
from docrelay.errors import ConfigError
from docrelay.submitting import TARGET

EVENT = re.compile(r"\*|(job|batch|schedule|alert|digest)(\.[\w.*]+)?")


@dataclass(frozen=True, slots=True)
class NamedTarget:
    """A target that the operator has named; nothing of it is ever shown."""

    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Subscription:
    """One target, told of one kind of event; in one collection, or in all (empty)."""

    event: str
    collection: str
    target: str


@dataclass(frozen=True, slots=True)
class AlertLimits:
    """From when on something is alarming."""

    repeat_minutes: float = 240
    """An alert that lasts is repeated so often."""
    grace_seconds: float = 30
    """What is well again within this time was no alert: a worker that is restarted, say."""
    oldest_seconds: float = 900
    """A stage that is ready for longer than this waits too long."""
    failure_percent: float = 20
    """Of the jobs that ended in the last quarter of an hour, if they are at least `failure_jobs`."""
    failure_jobs: int = 10
    retries_per_minute: float = 30
    """Stages that are tried again, over the last five minutes."""
    disk_percent: float = 10
    """Less room than this on the service's disks, or less than 1 GiB."""
    undelivered_minutes: float = 60
    """A target that has been refusing notifications for so long."""


@dataclass(frozen=True, slots=True)
class Notifications:
    """All of the file."""

    targets: dict[str, NamedTarget] = field(default_factory=dict)
    tell: tuple[Subscription, ...] = ()
    alerts: AlertLimits = AlertLimits()


@cache
def notifications() -> Notifications:
    """What the file of the settings says; read once.

    Raises:
        ConfigError: names the entry, what was found and what is expected.
    """
    file = settings().notify_file
    return read(file) if file else Notifications()


def read(file: Path) -> Notifications:
    """What a file says.

    Raises:
        ConfigError: names the entry, what was found and what is expected.
    """
    try:
        given = tomllib.loads(file.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"DOCRELAY_NOTIFY_FILE={file}: {error}") from None
    _known(f"{file.name}", given, {"targets", "tell", "alerts"})
    targets = {
        name: _target(f"{file.name}: [targets.{name}]", values) for name, values in given.get("targets", {}).items()
    }
    alerts = dict(given.get("alerts", {}))
    told_of_alerts = {"events": ["alert.*"], "targets": alerts.pop("targets", [])}
    entries = [*given.get("tell", []), told_of_alerts]
    tell = [
        item
        for number, entry in enumerate(entries, 1)
        for item in _tell(f"{file.name}: [[tell]] {number}", entry, targets)
    ]
    return Notifications(targets, tuple(dict.fromkeys(tell)), _limits(f"{file.name}: [alerts]", alerts))


def _known(where: str, given: dict[str, Any], known: set[str]) -> None:
    if unknown := set(given) - known:
        raise ConfigError(f"{where}: unknown {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")


def _target(where: str, values: dict[str, Any]) -> NamedTarget:
    _known(where, values, {"url", "secrets"})
    if ":" not in str(values.get("url", "")):
        raise ConfigError(f"{where} url: expected a URL, or env: and the name of a variable that holds one")
    secrets = values.get("secrets", [])
    if not isinstance(secrets, list):
        raise ConfigError(f"{where} secrets: expected a list, the current one first")
    return NamedTarget(_value(where, values["url"]), tuple(_value(where, secret) for secret in secrets))


def _value(where: str, text: str) -> str:
    if not text.startswith("env:"):
        return text
    found = os.environ.get(text.removeprefix("env:"), "")
    if not found:
        raise ConfigError(f"{where}: the variable {text.removeprefix('env:')} is not set")
    return found


def _tell(where: str, values: dict[str, Any], targets: dict[str, NamedTarget]) -> Iterator[Subscription]:
    _known(where, values, {"events", "collections", "targets"})
    for target in values.get("targets", []):
        if not TARGET.fullmatch(target) or (target.startswith("@") and target[1:] not in targets):
            expected = "expected an http(s) URL, mailto:, or @ and a name of [targets]"
            raise ConfigError(f"{where} targets = {target!r}: {expected}")
        for event in values.get("events", []):
            if not EVENT.fullmatch(event):
                raise ConfigError(f"{where} events = {event!r}: expected such as 'job.failed', 'job.*' or '*'")
            for collection in values.get("collections", [""]):
                yield Subscription(event, collection, target)


def _limits(where: str, values: dict[str, Any]) -> AlertLimits:
    _known(where, values, {item.name for item in fields(AlertLimits)})
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise ConfigError(f"{where} {name} = {value!r}: expected a number above 0")
    return AlertLimits(**values)
