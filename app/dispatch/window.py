"""How much announced work a queue may hold.

Waiting work belongs in Postgres, where priorities count, so the window is short: enough to keep workers busy
until the dispatcher looks again. Where stages are quick it grows, where they are slow it shrinks back.
"""

from dataclasses import dataclass

SMALLEST = 2
LARGEST = 256
QUICK_SECONDS = 0.25
SLOW_SECONDS = 1.0


@dataclass(slots=True)
class Window:
    """The window of one queue, learned from how fast it empties."""

    size: int = SMALLEST
    filled_at: float = 0.0

    def room(self, waiting: int, slots: int, now: float) -> int:
        """How many more may be announced.

        Args:
            waiting: announced and not yet claimed.
            slots: stages that the queue's workers run at once.
            now: monotonic seconds.
        """
        least = max(SMALLEST, slots)
        self.size = max(self.size, least)
        age = now - self.filled_at
        if waiting * 4 <= self.size and self.filled_at and age < QUICK_SECONDS:
            self.size = min(LARGEST, self.size * 2)
        elif waiting * 2 > self.size and age > SLOW_SECONDS:
            self.size = max(least, self.size // 2)
        return max(0, self.size - waiting)

    def filled(self, now: float) -> None:
        """The window was filled to the brim, and more waits behind."""
        self.filled_at = now
