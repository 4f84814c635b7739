"""Saying that one is alive: a row that a thread renews, so that absence can be seen."""

import logging
import os
import socket
import threading
from collections.abc import Callable

from sqlalchemy import Connection, delete, func
from sqlalchemy.dialects.postgresql import insert as upsert

from app.runtime import engine
from docrelay.database import transact
from docrelay.errors import DocrelayError
from docrelay.ids import new_id
from docrelay.tables import Process

log = logging.getLogger(__name__)

BEAT_SECONDS = 5.0


class Presence:
    """This process's row in `processes`."""

    def __init__(self, role: str, *, queue: str | None = None, slots: int = 1) -> None:
        """Be a worker of a queue, a dispatcher, or Beat."""
        self._values = {
            "id": new_id(),
            "role": role,
            "queue": queue,
            "slots": slots,
            "host": socket.gethostname(),
            "pid": os.getpid(),
        }
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def start(self) -> None:
        """Say so now, and every few seconds from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Remove the row: a process that ended cleanly is not missed."""
        self._stopped.set()
        self._thread.join(BEAT_SECONDS)
        statement = delete(Process).where(Process.id == self._values["id"])
        self._try(lambda connection: connection.execute(statement))

    def _run(self) -> None:
        row = upsert(Process).values(**self._values)
        statement = row.on_conflict_do_update(index_elements=["id"], set_={"beat_at": func.now()})
        while True:
            self._try(lambda connection: connection.execute(statement))
            if self._stopped.wait(BEAT_SECONDS):
                return

    @staticmethod
    def _try(work: Callable[[Connection], object]) -> None:
        try:
            transact(engine(), work, patience=2)
        except DocrelayError as error:
            log.warning("presence not said: %s", error)
        except Exception:
            log.exception("presence not said")
