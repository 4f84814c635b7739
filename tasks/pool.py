"""Document processes that wait for work, so that no document waits for one to start."""

import threading
from collections import deque
from collections.abc import Callable

from app.isolation import DocumentProcess

CALLS = 200
"""A process is replaced after so many documents: its memory is that of the largest one it has seen, and C libraries
leak a little."""

AHEAD = 20
"""Its successor is started so many documents before: it takes a second to import what it needs."""


class Pool:
    """Processes of one kind. The one that was used last is taken first, those that are only starting last."""

    def __init__(self, make: Callable[[], DocumentProcess]) -> None:
        """Have none yet; `make` prepares one."""
        self._make = make
        self._lock = threading.Lock()
        self._idle: deque[DocumentProcess] = deque()
        self._closed = False

    def warm(self, count: int) -> None:
        """Start as many as are missing to so many that wait."""
        with self._lock:
            missing = count - len(self._idle)
        for _ in range(missing):
            self._start()

    def take(self) -> DocumentProcess:
        """One that nobody else has; it may be still to be started."""
        with self._lock:
            return self._idle.pop() if self._idle else self._make()

    def give_back(self, process: DocumentProcess) -> None:
        """Keep it for the next one, or replace it if it has done its part or has died."""
        if process.calls >= CALLS or process.pid is None:
            process.kill()
            return
        if process.calls == CALLS - AHEAD:
            self._start()
        with self._lock:
            if not self._closed:
                self._idle.append(process)
                return
        process.kill()

    def close(self) -> None:
        """End those that wait, and from now on those that are given back."""
        with self._lock:
            self._closed = True
            over, self._idle = self._idle, deque()
        for process in over:
            process.kill()

    def _start(self) -> None:
        process = self._make()
        process.start()
        with self._lock:
            if not self._closed:
                self._idle.appendleft(process)
                return
        process.kill()
