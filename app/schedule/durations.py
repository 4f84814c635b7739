"""Lengths of time as people write them in a file: `30s`, `15m`, `6h`, `1d`, `2w`."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
EXPECTED = "a number with s, m, h, d or w, such as '15m'"
WRITTEN = re.compile(r"(\d+)([smhdw])")


def parse_duration(value: Any) -> timedelta:
    """`'15m'` as a timedelta.

    Raises:
        ValueError: it is no such text; says what is expected.
    """
    if isinstance(value, timedelta):
        return value
    found = WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected {EXPECTED}")
    try:
        return timedelta(seconds=int(found[1]) * UNITS[found[2]])
    except OverflowError:
        raise ValueError(f"expected {EXPECTED}, less than a million years") from None


def spell(duration: timedelta) -> str:
    """A duration as it is written in a file, in its largest whole unit."""
    seconds = int(duration.total_seconds())
    unit = next(unit for unit in reversed(UNITS) if seconds % UNITS[unit] == 0)
    return f"{seconds // UNITS[unit]}{unit}"


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(spell)]
"""A field of a model that is written as such a text."""
