"""Holding leases: one thread per worker renews them all, so that slow work never has to think of it."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from docrelay.database import transact
from docrelay.errors import Unavailable
from docrelay.transitions import Claim, beat

log = logging.getLogger(__name__)

LONGEST_PAUSE = 1.0
"""Seconds between renewals at most: a cancelled job must stop within two."""


class LeaseLost(Exception):  # noqa: N818
    """The stage is no longer ours: cancelled, or given to another. Nothing can be written."""


class Lease:
    """A claim that is renewed in the background."""

    def __init__(self, claim: Claim) -> None:
        """Hold a claim."""
        self.claim = claim
        self.lost = threading.Event()
        self._progress: tuple[int, int, str] | None = None

    def progress(self, done: int, total: int, unit: str) -> None:
        """Remember how far the work is; written with the next renewal."""
        self._progress = (done, total, unit)

    def renew(self, connection: Connection, seconds: float) -> None:
        """Renew once; `lost` is set when it is not ours any more."""
        reported, self._progress = self._progress, None
        done, total, unit = reported or (None, None, None)
        if not beat(connection, self.claim, lease=seconds, done=done, total=total, unit=unit):
            self.lost.set()


class LeaseKeeper:
    """Renews all leases of this process."""

    def __init__(self, engine: Engine, seconds: float) -> None:
        """Renew often enough for leases of `seconds`."""
        self._engine = engine
        self._seconds = seconds
        self._held: set[Lease] = set()
        self._lock = threading.Lock()
        self._some = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[Lease]:
        """Keep a claim renewed while the block runs."""
        lease = Lease(claim)
        with self._lock:
            self._held.add(lease)
            self._ensure_running()
        self._some.set()
        try:
            yield lease
        finally:
            with self._lock:
                self._held.discard(lease)

    def _ensure_running(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        pause = min(LONGEST_PAUSE, self._seconds / 4)
        waiting = threading.Event()
        while True:
            self._some.wait()
            waiting.wait(pause)
            with self._lock:
                held = list(self._held)
                if not held:
                    self._some.clear()
                    continue
            self._renew(held)

    def _renew(self, held: list[Lease]) -> None:
        def work(connection: Connection) -> None:
            for lease in held:
                lease.renew(connection, self._seconds)

        try:
            transact(self._engine, work, patience=self._seconds)
        except Unavailable as error:
            # The leases may run out meanwhile; whoever takes over is told apart by the token.
            log.warning("leases not renewed: %s", error)
        except Exception:
            log.exception("leases not renewed")
