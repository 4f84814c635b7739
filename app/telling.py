"""Sending notifications for a process that commits often: in the background, those of a moment together.

Each NOTIFY is a transaction of its own and wakes every process that listens. One for each stage that closes
would cost as much as the closing.
"""

import threading
from functools import cache

from sqlalchemy import Engine

from app.runtime import engine
from docrelay.transitions.hints import Hint, send

REST_SECONDS = 0.02
"""Between two sendings. The first of a moment goes at once; under load they collect meanwhile."""


class Teller:
    """Sends hints from a thread of its own. Those that are lost with the process cost the others a look at the rows."""

    def __init__(self, engine: Engine) -> None:
        """Send through an engine; the thread starts with the first hint."""
        self._engine = engine
        self._waiting: list[Hint] = []
        self._some = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def tell(self, hints: list[Hint]) -> None:
        """Send these soon; returns at once."""
        with self._lock:
            self._waiting += hints
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="telling", daemon=True)
                self._thread.start()
        self._some.set()

    def _run(self) -> None:
        resting = threading.Event()
        while True:
            self._some.wait()
            self._some.clear()
            with self._lock:
                hints, self._waiting = self._waiting, []
            send(self._engine, hints)
            if self._closed and not self._waiting:
                return
            resting.wait(REST_SECONDS)

    def close(self) -> None:
        """Send what waits, and end the thread: nothing is told after this."""
        self._closed = True
        self._some.set()
        if self._thread is not None:
            self._thread.join()


@cache
def teller() -> Teller:
    """Sends the process's notifications."""
    return Teller(engine())
