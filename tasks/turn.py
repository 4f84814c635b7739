"""When a large document lets others go first."""

import time

from sqlalchemy import Connection, text

from app.work import Work
from docrelay.names import PRIORITY_INTERACTIVE
from docrelay.waiting import READY_STAGES

TURN_SECONDS = 20.0
"""So long a document has its slot while others of its priority wait for one. To go on it must be cut again."""

# Whoever a free slot will take in a moment does not wait.
WAITING = text(
    f"""
    select max(priority) from {READY_STAGES}
    where queue = :queue and due_at <= now() and ready_at < now() - interval '0.5 seconds'
    """  # noqa: S608 - a constant of ours
)


class Turn:
    """From when a document got its slot."""

    def __init__(self, work: Work, seconds: float = TURN_SECONDS) -> None:
        """It begins now."""
        self._work = work
        self._seconds = seconds
        self._began = time.monotonic()

    def over(self, *, for_anybody: bool = True) -> bool:
        """Whether somebody else should have the slot: at once for whoever is waited for, for anybody after a while."""
        waiting = self._work.read(self._waiting)
        mine = self._work.claim.priority
        if waiting is None or waiting < mine:
            return False
        return self._overtaken(int(waiting), mine) or (for_anybody and time.monotonic() - self._began > self._seconds)

    def _overtaken(self, waiting: int, mine: int) -> bool:
        return waiting >= PRIORITY_INTERACTIVE and waiting > mine

    def _waiting(self, connection: Connection) -> int | None:
        found: int | None = connection.scalar(WAITING, {"queue": self._work.claim.queue})
        return found
