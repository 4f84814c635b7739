"""The recurring jobs of config/schedule.toml, as Celery Beat wants them."""

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

from celery.schedules import crontab

from docrelay.errors import ConfigError
from docrelay.names import Queue

FILE = Path(__file__).parent.parent / "config" / "schedule.toml"
KEYS = {"task", "cron", "every"}
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def beat_schedule(file: Path = FILE) -> dict[str, dict[str, Any]]:
    """Beat's entries by name.

    Raises:
        ConfigError: names the entry, the key, what was found and what is expected.
    """
    try:
        entries = tomllib.loads(file.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: {error}") from error
    return {name: _entry(f"{file.name}: [{name}]", name, values) for name, values in entries.items()}


def _entry(where: str, name: str, values: dict[str, Any]) -> dict[str, Any]:
    if unknown := set(values) - KEYS:
        raise ConfigError(f"{where} has unknown keys {', '.join(sorted(unknown))}; known: {', '.join(sorted(KEYS))}")
    if "task" not in values or ("cron" in values) == ("every" in values):
        raise ConfigError(f"{where} needs `task`, and either `cron` or `every`")
    when = _cron(where, values["cron"]) if "cron" in values else _every(where, values["every"])
    # A run that waited for longer than this has been overtaken by the next one.
    options = {"queue": Queue.NOTIFY.value, "expires": 3600}
    return {"task": values["task"], "schedule": when, "kwargs": {"entry": name}, "options": options}


def _cron(where: str, text: str) -> crontab:
    fields = text.split()
    if len(fields) != 5:
        raise ConfigError(f"{where} cron = {text!r}: expected five fields: minute hour day month weekday")
    minute, hour, day, month, weekday = fields
    try:
        return crontab(minute, hour, day_of_month=day, month_of_year=month, day_of_week=weekday)
    except ValueError as error:
        raise ConfigError(f"{where} cron = {text!r}: {error}") from error


def _every(where: str, text: str) -> timedelta:
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or unit not in UNITS or int(number) == 0:
        raise ConfigError(f"{where} every = {text!r}: expected a number with s, m, h or d, such as '15m'")
    return timedelta(**{UNITS[unit]: int(number)})
