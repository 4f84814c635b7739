"""What the commands of an operator have in common: a question to the database, and who asks it."""

import getpass
import socket
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from app.runtime import database_url
from docrelay.database import make_engine, transact

Answer = TypeVar("Answer")


def ask(command: str, work: Callable[[Connection], Answer]) -> Answer:
    """Run `work` in a transaction, on a connection that Postgres lists under the command's name.

    Raises:
        ConfigError: no database is set.
        Unavailable: it cannot be reached.
    """
    engine = make_engine(database_url(), pool_size=1, application=f"docrelay {command}")
    try:
        return transact(engine, work)
    finally:
        engine.dispose()


def operator() -> str:
    """Who asks, for the history."""
    return f"{getpass.getuser()}@{socket.gethostname()}"
