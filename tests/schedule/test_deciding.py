"""What becomes of due times: on time, late, very late, while one runs, held, paused."""

from datetime import timedelta
from typing import Any

import pytest

from app.schedule.deciding import MOST_AT_ONCE, Decision, Situation, Verdict, decide
from app.schedule.entries import MOST_CAUGHT_UP, Entry
from benchmarks.schedule.month.almanac import utc

NOON = utc(2025, 6, 1) + timedelta(hours=12)
HOUR = timedelta(hours=1)


def decided(count: int, *, late: timedelta = timedelta(0), keys: dict[str, Any], **situation: Any) -> list[str]:
    """Fates of so many hourly due times, the last of them `late` ago; caught up ones with a plus."""
    entry = Entry(task="nothing", every=HOUR, **keys)
    dues = [NOON - late - HOUR * number for number in reversed(range(count))]
    return [_spell(each) for each in decide(entry, dues, Situation(NOON, **situation))]


def _spell(decision: Decision) -> str:
    return f"{decision.verdict}{'+' if decision.caught_up else ''}"


MINUTE = timedelta(minutes=1)
LATE = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("count", "late", "keys", "expected"),
    [
        (1, timedelta(seconds=20), {}, ["send"]),
        (1, LATE, {"catch_up": "none"}, ["missed"]),
        (3, LATE, {"catch_up": "last"}, ["missed", "missed", "send+"]),
        (3, timedelta(0), {"catch_up": "last"}, ["missed", "missed", "send"]),  # the one on time is the last
        (3, LATE, {"catch_up": 2, "overlap": "queue"}, ["missed", "send+", "send+"]),
        (3, timedelta(0), {"catch_up": 5, "overlap": "allow"}, ["send+", "send+", "send"]),
        (2, LATE, {"catch_up": "last", "expires": MINUTE}, ["missed", "missed"]),
        (2, LATE, {"catch_up": "last", "expires": 10 * MINUTE}, ["missed", "send+"]),
    ],
)
def test_late(count: int, late: timedelta, keys: dict[str, Any], expected: list[str]) -> None:
    assert decided(count, late=late, keys=keys) == expected


@pytest.mark.parametrize(("overlap", "expected"), [("skip", "skipped"), ("queue", "send"), ("allow", "send")])
def test_while_the_one_before_runs(overlap: str, expected: str) -> None:
    assert decided(1, keys={"overlap": overlap}, running=True) == [expected]


def test_held_is_stronger_than_paused_and_both_than_late() -> None:
    assert decided(2, late=LATE, keys={}, held="not rehearsed", paused="by ada") == ["held", "held"]
    assert decided(2, late=LATE, keys={}, paused="by ada") == ["skipped", "skipped"]


def test_reasons_say_what_to_change() -> None:
    entry = Entry(task="nothing", every=HOUR, catch_up="none")
    (decision,) = decide(entry, [NOON - HOUR], Situation(NOON))
    assert decision.reason == "no Beat ran; catch_up = 'none'"


def test_many_with_one_fate_are_one_row() -> None:
    """An entry of every second that nobody saw for a day must not make 86,400 rows."""
    entry = Entry(task="nothing", every=timedelta(seconds=1))
    dues = [NOON - timedelta(seconds=number) for number in reversed(range(60, 860))]
    found = decide(entry, dues, Situation(NOON))
    assert [(each.verdict, each.times, each.due) for each in found] == [
        (Verdict.MISSED, 799, dues[-2]),
        (Verdict.SEND, 1, dues[-1]),
    ]


def test_too_many_are_looked_at_in_turns() -> None:
    """Of the first so many none can be among the last ones that are caught up."""
    entry = Entry(task="nothing", every=timedelta(seconds=1), catch_up=MOST_CAUGHT_UP, overlap="allow")
    dues = [NOON - timedelta(seconds=number) for number in reversed(range(60, 60 + MOST_AT_ONCE))]
    (found,) = decide(entry, dues, Situation(NOON))
    assert (found.verdict, found.times, found.due) == (Verdict.MISSED, MOST_CAUGHT_UP, dues[MOST_CAUGHT_UP - 1])
