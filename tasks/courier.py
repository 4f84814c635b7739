"""Sends what no stage sends: notifications without a job, and replays. In dispatchers and Beats, without the broker."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping

from app.runtime import Stopping, database_url, engine, identity
from docrelay.changes import Listener
from docrelay.database import transact
from docrelay.errors import DocrelayError
from docrelay.ids import new_id
from docrelay.names import Channel
from docrelay.transitions import deliveries
from pipelines.deliver import GiveUp, TryAgain
from tasks.sending import TIMEOUT_SECONDS, Lanes, channel, message, send

log = logging.getLogger(__name__)

AT_ONCE = 8
LOOK_SECONDS = 1.0
"""Nobody calls when a retry becomes due."""

LEASE_SECONDS = 6 * TIMEOUT_SECONDS
"""What a courier has taken and not sent by then, another may take."""


class Courier:
    """One thread that looks, and some that send."""

    def __init__(self, stopping: Stopping, role: str) -> None:
        """Carry until told to stop; `role` is what the process is."""
        self._stopping = stopping
        self._who = identity(role)
        self._lanes = Lanes(AT_ONCE // 2)
        self._slots = threading.Semaphore(AT_ONCE)
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for what is on its way."""
        self._thread.join(seconds)

    def _run(self) -> None:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="courier") as pool:
            while not self._stopping.asked.is_set():
                try:
                    with Listener(database_url(), Channel.DELIVERY) as listener:
                        self._carry(pool, listener)
                except DocrelayError as error:
                    log.warning("notifications wait: %s", error)
                except Exception:
                    log.exception("a round of notifications failed")
                self._stopping.asked.wait(LOOK_SECONDS)

    def _carry(self, pool: ThreadPoolExecutor, listener: Listener) -> None:
        while not self._stopping.asked.is_set():
            # As many as can be sent at once: what is taken and waits here could be sent by another dispatcher.
            free = self._free()
            if free and (rows := self._take(free)):
                for row in rows:
                    self._slots.acquire()
                    pool.submit(self._send, row)
                continue
            listener.wait(LOOK_SECONDS if free else LOOK_SECONDS / 10)

    def _free(self) -> int:
        free = 0
        while free < AT_ONCE and self._slots.acquire(blocking=False):
            free += 1
        for _ in range(free):
            self._slots.release()
        return free

    @staticmethod
    def _take(most: int) -> list[RowMapping]:
        return list(
            transact(engine(), lambda connection: deliveries.take_direct(connection, most=most, lease=LEASE_SECONDS))
        )

    def _send(self, row: RowMapping) -> None:
        try:
            send(row, self._who, self._lanes)
        except DocrelayError as error:
            log.warning("notification %s: %s; it is sent again", row["id"], error)
        except Exception:
            log.exception("notification %s could not be sent", row["id"])
        finally:
            self._slots.release()


def send_directly(target: str, event: str, data: dict[str, Any]) -> str | None:
    """Send here and now, without a row: for alerts of a database that is away. Why it could not, or None."""
    now = datetime.now(UTC)
    row = {"id": new_id(), "event": event, "payload": {"type": event, "data": data}, "created_at": now}
    try:
        channel(target).send(message(row), now=now, timeout=TIMEOUT_SECONDS)
    except (TryAgain, GiveUp) as refusal:
        return refusal.message
    except Exception as error:  # noqa: BLE001 - a channel of somebody's own may raise anything
        return f"the channel failed: {type(error).__name__}: {error}"
    return None
