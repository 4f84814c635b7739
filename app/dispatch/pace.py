"""How soon the dispatcher looks again."""

from dataclasses import dataclass

IDLE_SECONDS = 0.5
"""Look at the rows this often even if nobody calls: retries become due in silence."""

BUSY_SECONDS = 0.02
"""While more waits than the windows hold: claims make room without a word."""

LONGEST_BUSY_SECONDS = 0.16
"""Each such look that finds no room doubles the time to the next, up to this: the workers have long stages in hand, and
as many more are announced to them. Less than the time in which a window is told to grow."""

REST_SECONDS = 0.005
"""Rest so long for each message sent but the first, deaf to calls: what becomes ready meanwhile is announced together.
A round costs as much as some messages, and one for each call would take more of Postgres than claims and closings. A
document that comes alone is not held up."""

LONGEST_REST = 0.02


LONGEST_BACK_OFF = 8.0


@dataclass(slots=True)
class BackOff:
    """When to try again what failed; each failure doubles the time."""

    seconds: float = 0.0
    again: float = 0.0

    def failed(self, now: float) -> None:
        """It failed; `now` in monotonic seconds."""
        self.seconds = min(LONGEST_BACK_OFF, max(IDLE_SECONDS, self.seconds * 2))
        self.again = now + self.seconds

    def went_well(self) -> None:
        """It did not."""
        self.seconds = self.again = 0.0


@dataclass(slots=True)
class Pace:
    """What the rounds until now ask for."""

    rest: float = 0.0
    """Seconds to be deaf to calls."""
    wait: float = BUSY_SECONDS
    """Seconds to wait for a call."""
    _busy: float = BUSY_SECONDS

    def after(self, sent: int, *, backlog: bool) -> None:
        """A round sent so many messages; `backlog`: more waits than the windows hold."""
        self.rest = min(LONGEST_REST, max(0, sent - 1) * REST_SECONDS)
        self._busy = BUSY_SECONDS if sent else min(LONGEST_BUSY_SECONDS, 2 * self._busy)
        self.wait = self._busy if backlog else IDLE_SECONDS

    def called(self) -> None:
        """Something became ready; perhaps it is urgent, and has to wait for room."""
        self._busy = BUSY_SECONDS / 2

    def pause(self, seconds: float) -> None:
        """There was no round."""
        self.rest, self.wait = 0.0, seconds
