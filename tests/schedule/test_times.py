"""When entries are due, above all where clocks are put forward or back."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from app.schedule.entries import Entry
from app.schedule.times import due_after, due_between, start_of
from benchmarks.schedule.month.almanac import due_times, utc
from benchmarks.schedule.month.entries import ENTRIES, Timed


def entry(**keys: Any) -> Entry:
    return Entry(**{"task": "nothing", **keys})


def dues(day: str, cron: str, zone: str, count: int = 3) -> list[str]:
    """The first due times after midnight UTC of a day, as `hour:minute` in UTC."""
    after = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return [f"{due:%H:%M}" for due in islice(due_after(entry(cron=cron, timezone=zone), after), count)]


@pytest.mark.parametrize(
    ("day", "cron", "zone", "expected"),
    [
        # 02:00 becomes 03:00 at 01:00 UTC: a set time in the skipped hour is due when it is over, and only once.
        ("2025-03-30", "30 2 * * *", "Europe/Berlin", ["01:00", "00:30", "00:30"]),
        ("2025-03-30", "0,20,40 2 * * *", "Europe/Berlin", ["01:00", "00:00", "00:20"]),
        ("2025-03-30", "0 2,3 * * *", "Europe/Berlin", ["01:00", "00:00", "01:00"]),
        # 03:00 becomes 02:00 at 01:00 UTC: a set time that comes twice is due the first time.
        ("2025-10-26", "30 2 * * *", "Europe/Berlin", ["00:30", "01:30", "01:30"]),
        # With a star, each hour that passes has its own.
        ("2025-03-29T23:59", "30 * * * *", "Europe/Berlin", ["00:30", "01:30", "02:30"]),
        ("2025-10-25T23:59", "30 * * * *", "Europe/Berlin", ["00:30", "01:30", "02:30"]),
        ("2025-10-26", "*/30 2 * * *", "Europe/Berlin", ["00:30", "01:00", "01:30"]),
        # Half an hour, on the other side of the world.
        ("2025-10-04", "10 2 * * *", "Australia/Lord_Howe", ["15:30", "15:10", "15:10"]),
        ("2025-04-05", "45 1 * * *", "Australia/Lord_Howe", ["14:45", "15:15", "15:15"]),
        # Midnight itself is skipped.
        ("2025-03-29T12:00", "0 0 * * *", "Asia/Beirut", ["22:00", "21:00", "21:00"]),
        ("2025-06-01", "30 9 * * MON-FRI", "Asia/Kolkata", ["04:00", "04:00", "04:00"]),
    ],
)
def test_the_clocks_are_changed(day: str, cron: str, zone: str, expected: list[str]) -> None:
    assert dues(day, cron, zone) == expected


@pytest.mark.parametrize("timed", [each for each in ENTRIES if each.cron], ids=lambda timed: timed.name)
def test_a_year_is_as_looking_at_every_minute_finds_it(timed: Timed) -> None:
    """Each change of the clocks of 2025, against an almanac that knows nothing of how the service computes it."""
    for after, until in ((utc(2025, 3, 8), utc(2025, 4, 7)), (utc(2025, 10, 4), utc(2025, 11, 3))):
        found = due_between(entry(cron=timed.cron, timezone=timed.zone), after, until, 100_000)
        assert found == due_times(timed, after, until)


def test_where_one_starts_to_look_makes_no_difference() -> None:
    """A Beat that takes over within the skipped hour finds what the one before would have found."""
    nightly = entry(cron="30 2 * * *", timezone="Europe/Berlin")
    due = datetime(2025, 3, 30, 1, 0, tzinfo=UTC)
    for minutes in (1, 29, 59, 61, 600):
        assert next(due_after(nightly, due - timedelta(minutes=minutes))) == due
    assert next(due_after(nightly, due)) == datetime(2025, 3, 31, 0, 30, tzinfo=UTC)


def test_every_so_often_is_the_same_for_all_beats() -> None:
    often = entry(every=timedelta(minutes=90))
    until = utc(2025, 3, 31)
    found = due_between(often, utc(2025, 3, 29), until, 1000)
    assert (len(found), found[-1]) == (32, until)
    assert found == due_times(Timed("", "UTC", every_minutes=90), utc(2025, 3, 29), until)


def test_jitter_is_the_same_for_all_beats_and_within_its_bound() -> None:
    spread = entry(every=timedelta(minutes=1), jitter=timedelta(seconds=30))
    starts = {start_of("a", spread, due) - due for due in due_between(spread, utc(2025, 1, 1), utc(2025, 1, 2), 200)}
    assert len(starts) > 100
    assert timedelta(0) <= min(starts)
    assert max(starts) < timedelta(seconds=30)
    due = utc(2025, 1, 2)
    assert start_of("a", spread, due) == start_of("a", spread, due) != start_of("b", spread, due)
