"""When an entry is due: pure arithmetic, the same in every process.

Clocks that are put forward or back, for `cron` in a zone that does so:

- An entry at a set time (neither minute nor hour begins with `*`) whose time is skipped is due when the skipped hour is
  over: 02:30 becomes 03:00. Two that fall together there are one. A time that comes twice is due the first time only.
- An entry with `*` follows the clock that runs on: each hour that really passes has its due times, none is doubled.
- `every` knows no zones.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

from cronsim import CronSim

from app.schedule.entries import Entry
from app.schedule.zones import zone

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LARGEST_SHIFT = timedelta(hours=3)
"""Clocks are never put forward by more; Antarctica/Troll's two hours are the most there is."""


def due_after(entry: Entry, after: datetime) -> Iterator[datetime]:
    """All due times after a moment, in UTC, ascending, each once."""
    if entry.every is not None:
        return _every(entry.every, after)
    assert entry.cron is not None
    return _cron(entry.cron, entry.timezone, after)


def due_between(entry: Entry, after: datetime, until: datetime, most: int) -> list[datetime]:
    """The first `most` due times after one moment and not after another."""
    return list(islice(takewhile(lambda due: due <= until, due_after(entry, after)), most))


def _every(step: timedelta, after: datetime) -> Iterator[datetime]:
    due = EPOCH + ((after - EPOCH) // step + 1) * step
    while True:
        yield due
        due += step


def _cron(cron: str, zone_name: str, after: datetime) -> Iterator[datetime]:
    # From well before: a time in a skipped hour is moved forward, and must be found wherever one starts to look.
    start = (after - LARGEST_SHIFT).astimezone(zone(zone_name))
    last = after
    for local in CronSim(cron, start):
        due = local.astimezone(UTC)
        # Moved times can come together with others, or lie before where we look.
        if due > last:
            last = due
            yield due


def start_of(name: str, entry: Entry, due: datetime) -> datetime:
    """When a run that is due then starts: later by the entry's jitter, the same number in every process."""
    drawn = int.from_bytes(hashlib.sha256(f"{name} {due.timestamp()}".encode()).digest()[:6]) / 2**48
    return due + entry.jitter * drawn
