"""Threads of a vectorize worker that answer what clients ask by rows, beside its stages."""

import logging
import threading
import uuid
from collections.abc import Callable

from sqlalchemy import Connection, text

from app.isolation import Limits
from app.runtime import database_url, stopping
from docrelay.changes import Listener
from docrelay.names import Channel

log = logging.getLogger(__name__)

LIMITS = Limits(seconds=120, silence=120, memory_mb=4096)
LOOK_SECONDS = 2.0


class NoWatch:
    """A search is never interrupted but by the end of the worker."""

    def check(self) -> None:
        """Nothing to check."""

    def progress(self, done: int, total: int) -> None:
        """Nobody looks."""


def tell(connection: Connection, request: uuid.UUID) -> None:
    """With the commit, wake the client whose row has its answer."""
    connection.execute(text("select pg_notify(:channel, :id)"), {"channel": Channel.ANSWER, "id": str(request)})


def start(
    name: str,
    channel: Channel,
    answer_some: Callable[[], int],
    *,
    prepare: Callable[[], object],
    idle: Callable[[], object] = lambda: None,
) -> None:
    """Answer in a thread of this name until the worker stops.

    First it is prepared, once: nobody should have to wait for a model that is loaded. `answer_some` says how many it
    has answered; when there was none, `idle` is called, and it is asked again when the channel is notified, or soon.
    """
    threading.Thread(target=_serve, args=(name, channel, answer_some, prepare, idle), name=name, daemon=True).start()


def _serve(
    name: str,
    channel: Channel,
    answer_some: Callable[[], int],
    prepare: Callable[[], object],
    idle: Callable[[], object],
) -> None:
    try:
        prepare()
    except Exception:
        log.exception("the model of the thread %s could not be loaded", name)
    while not stopping.asked.is_set():
        try:
            # Inside: the database may be away at this very moment, and searches go on when it is back.
            with Listener(database_url(), channel) as listener:
                while not stopping.asked.is_set():
                    if not answer_some():
                        idle()
                        listener.wait(LOOK_SECONDS)
        except Exception:
            log.exception("a search could not be answered")
            stopping.asked.wait(1.0)
