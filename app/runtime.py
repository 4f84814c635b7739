"""What one service process has: its name, its engine, its beat. Made on first use, after any fork."""

import os
import socket
import threading
from dataclasses import dataclass, field
from functools import cache

from sqlalchemy import Engine

from config.settings import settings
from docrelay.database import find_url, make_engine
from docrelay.transitions import Policy


@dataclass(slots=True)
class Stopping:
    """Whether this process was told to stop, and until when running stages may go on."""

    asked: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def ask(self, grace: float) -> None:
        """Take no new work from now on; after `grace` seconds give back what still runs."""
        if self.asked.is_set():
            return
        self.asked.set()
        timer = threading.Timer(grace, self.over.set)
        timer.daemon = True
        timer.start()


stopping = Stopping()


@cache
def engine() -> Engine:
    """The process's engine; a connection for each thread that works, one for the leases, one spare."""
    size = max(settings().notify_concurrency, settings().parse_concurrency, settings().vectorize_concurrency) + 2
    return make_engine(database_url(), pool_size=size, application="docrelay service", ping=False)


def database_url() -> str:
    """The database of this process.

    Raises:
        ConfigError: neither a setting nor an embedded stack says where it is.
    """
    return find_url(settings().database_url or None)


@cache
def policy() -> Policy:
    """How often stages may fail, by the settings."""
    return Policy(max_failures=settings().max_failures, retry_seconds=settings().retry_seconds)


def identity(role: str) -> str:
    """This process's name in rows and events."""
    return f"{role}@{socket.gethostname()}:{os.getpid()}"
