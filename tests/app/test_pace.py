"""How soon the dispatcher looks again."""

from app.dispatch.pace import BUSY_SECONDS, IDLE_SECONDS, LONGEST_BUSY_SECONDS, LONGEST_REST, Pace
from app.dispatch.window import QUICK_SECONDS


def test_looks_that_find_no_room_become_rare() -> None:
    """And often again once there was room, or something became ready; never too rare for a window to grow."""
    pace = Pace()
    assert _rising(pace)[-1] == LONGEST_BUSY_SECONDS < QUICK_SECONDS
    pace.after(1, backlog=True)
    assert pace.wait == BUSY_SECONDS
    _rising(pace)
    pace.called()
    pace.after(0, backlog=True)
    assert pace.wait == BUSY_SECONDS


def _rising(pace: Pace) -> list[float]:
    waits = []
    for _ in range(6):
        pace.after(0, backlog=True)
        waits.append(pace.wait)
    assert waits == sorted(waits)
    assert waits[0] < waits[-1]
    return waits


def test_without_a_backlog_a_call_is_waited_for() -> None:
    pace = Pace()
    pace.after(0, backlog=False)
    assert (pace.wait, pace.rest) == (IDLE_SECONDS, 0)


def test_many_messages_are_followed_by_a_rest() -> None:
    """What becomes ready meanwhile goes together; a document that comes alone is not held up."""
    pace = Pace()
    rests = []
    for sent in (1, 2, 100):
        pace.after(sent, backlog=False)
        rests.append(pace.rest)
    assert rests[0] == 0 < rests[1] < rests[2] == LONGEST_REST
    pace.pause(1.0)
    assert (pace.wait, pace.rest) == (1.0, 0)
