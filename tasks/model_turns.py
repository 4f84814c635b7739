"""Whose turn it is at the models of a worker."""

import heapq
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum


class Rank(IntEnum):
    """Who goes first, when several wait for the model."""

    SEARCH = 0
    INTERACTIVE = 1
    DOCUMENT = 2


class Turns:
    """Whose turn it is to compute: by rank, and within one, in the order in which they came. A turn is one slice."""

    def __init__(self) -> None:
        """Nobody's."""
        self._turn = threading.Condition()
        self._busy = False
        self._waiting: list[tuple[Rank, int]] = []
        self._tickets = itertools.count()

    @contextmanager
    def take(self, rank: Rank, *, served: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Wait for a turn, and hold it within the block; who is `served` in another's turn needs none."""
        with self._turn:
            mine = (rank, next(self._tickets))
            heapq.heappush(self._waiting, mine)
            self._turn.wait_for(lambda: served() or (not self._busy and self._waiting[0] == mine))
            self._waiting.remove(mine)
            heapq.heapify(self._waiting)
            has_turn = not served()
            if has_turn:
                self._busy = True
            else:
                self._turn.notify_all()  # another one is first now
        try:
            yield
        finally:
            if has_turn:
                with self._turn:
                    self._busy = False
                    self._turn.notify_all()
