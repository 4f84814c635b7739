"""Times as they are typed: `2026-01-31T03:00`, with or without a zone, and lengths such as `90s` or `2h`."""

import re
from datetime import datetime, timedelta

import click

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class Moment(click.ParamType[datetime]):
    """A time in ISO 8601; without a zone it is of this machine's."""

    name = "TIME"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The time, with a zone."""
        try:
            return (value if isinstance(value, datetime) else datetime.fromisoformat(value)).astimezone()
        except (ValueError, OverflowError):
            self.fail(f"{value!r}: expected a time such as 2026-01-31T03:00 or 2026-01-31T03:00Z", param, ctx)


class Length(click.ParamType[timedelta]):
    """A number with s, m, h, d or w."""

    name = "DURATION"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The length of time."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d{1,9})([smhdw])", value)
        if found is None:
            self.fail(f"{value!r}: expected a number with s, m, h, d or w, such as 90s or 2h", param, ctx)
        return timedelta(seconds=int(found[1]) * UNITS[found[2]])
