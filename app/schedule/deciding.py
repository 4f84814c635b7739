"""What becomes of due times: pure rules, tested without a clock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby

from app.schedule.durations import spell
from app.schedule.entries import MOST_CAUGHT_UP, Entry

ON_TIME = timedelta(seconds=30)
"""Up to here a run is late, as after a Beat's death, but not missed: another Beat takes over sooner."""

MOST_AT_ONCE = 2 * MOST_CAUGHT_UP
"""Due times looked at in one transaction: an entry of every second that was not seen for a month has millions."""

MOST_ROWS = 100
"""From more due times in a row with the same fate one row is made."""


class Verdict(StrEnum):
    """What is done about a due time."""

    SEND = "send"
    SKIPPED = "skipped"
    MISSED = "missed"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a due time, or of so many in a row up to this one."""

    due: datetime
    verdict: Verdict
    reason: str | None = None
    times: int = 1
    caught_up: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """What counts besides the entry: why it may not run at all, and whether a run of it is under way."""

    now: datetime
    held: str | None = None
    paused: str | None = None
    running: bool = False


def decide(entry: Entry, dues: Sequence[datetime], situation: Situation) -> list[Decision]:
    """One decision for each due time, ascending; of a long row with one fate, one for all of them.

    Of `MOST_AT_ONCE` due times only the first are decided: whether the others are among the last is not known yet.
    """
    if len(dues) >= MOST_AT_ONCE:
        dues = dues[:-MOST_CAUGHT_UP]
        return list(_merged([_missed(due, "no Beat ran") for due in dues]))
    return list(_merged(list(_decisions(entry, dues, situation))))


def _decisions(entry: Entry, dues: Sequence[datetime], situation: Situation) -> Iterator[Decision]:
    if situation.held or situation.paused:
        verdict = Verdict.HELD if situation.held else Verdict.SKIPPED
        yield from (Decision(due, verdict, situation.held or situation.paused) for due in dues)
        return
    late = [due for due in dues if situation.now - due > ON_TIME]
    on_time = list(dues[len(late) :])
    caught_up = _caught_up(entry, late, has_later=bool(on_time))
    last_late = late[-1] if late else datetime.min.replace(tzinfo=UTC)
    running = situation.running
    for due in dues:
        decision = _decision(entry, due, situation.now, is_late=due <= last_late, is_caught_up=due in caught_up)
        if decision.verdict is Verdict.SEND and running and entry.overlap == "skip":
            decision = Decision(due, Verdict.SKIPPED, "the run before was not over")
        running = running or decision.verdict is Verdict.SEND
        yield decision


def _caught_up(entry: Entry, late: list[datetime], *, has_later: bool) -> set[datetime]:
    if entry.catch_up == "none" or (entry.catch_up == "last" and has_later):
        return set()
    return set(late[-1:] if entry.catch_up == "last" else late[-int(entry.catch_up) :])


def _decision(entry: Entry, due: datetime, now: datetime, *, is_late: bool, is_caught_up: bool) -> Decision:
    if entry.expires is not None and now - due > entry.expires:
        return _missed(due, f"no Beat ran within the {spell(entry.expires)} after which it expires")
    if is_late and not is_caught_up:
        return _missed(due, f"no Beat ran; catch_up = {entry.catch_up!r}")
    return Decision(due, Verdict.SEND, caught_up=is_late)


def _missed(due: datetime, reason: str) -> Decision:
    return Decision(due, Verdict.MISSED, reason)


def _merged(decisions: list[Decision]) -> Iterator[Decision]:
    for _, group in groupby(decisions, lambda decision: (decision.verdict, decision.reason)):
        alike = list(group)
        if alike[0].verdict is Verdict.SEND or len(alike) <= MOST_ROWS:
            yield from alike
        else:
            yield replace(alike[-1], times=len(alike))
