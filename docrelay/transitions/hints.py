"""Telling others that rows have changed, by NOTIFY, after the change is on disk.

Postgres lets one transaction with a NOTIFY commit at a time in the whole cluster, and holds that lock
while the log is flushed. So whoever commits often notifies afterwards, in a transaction that writes
nothing and flushes nothing. A hint that is lost with its process costs those who wait for it no more
than their next look at the rows.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import psycopg
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from docrelay.database import driver_connection, transact
from docrelay.names import Channel
from docrelay.statements import Statement

Result = TypeVar("Result")

Hint = tuple[str, str]
"""Channel and payload."""

PUT_OFF = "docrelay.hints"

NOTIFY = text("select pg_notify(:channel, :payload)")

NOTIFY_ALL = Statement(
    "select pg_notify(channel, payload)"
    " from unnest(cast(:channels as text[]), cast(:payloads as text[])) h(channel, payload)"
)


def tell(connection: Connection, channel: Channel, payload: str) -> None:
    """Notify: after the commit within `commit_and_tell`, else with the transaction."""
    waiting: list[Hint] | None = connection.info.get(PUT_OFF)
    if waiting is None:
        connection.execute(NOTIFY, {"channel": channel, "payload": payload})
    else:
        waiting.append((channel.value, payload))


def commit_and_tell(
    engine: Engine, work: Callable[[Connection], Result], tell_now: Callable[[list[Hint]], object] | None = None
) -> Result:
    """`transact`, then send what the transaction told, by `tell_now` if there is one.

    Raises:
        Unavailable: the database could not be reached.
    """
    hints: list[Hint] = []

    def collected(connection: Connection) -> Result:
        with _putting_off(connection, hints):
            return work(connection)

    result = transact(engine, collected)
    if tell_now is None:
        send(engine, hints)
    else:
        tell_now(hints)
    return result


@contextmanager
def _putting_off(connection: Connection, hints: list[Hint]) -> Iterator[None]:
    hints.clear()  # a transaction that is run again tells again
    info = connection.info  # kept: a connection that broke meanwhile refuses to be asked for it
    info[PUT_OFF] = hints
    try:
        yield
    finally:
        info.pop(PUT_OFF, None)


def send(engine: Engine, hints: list[Hint]) -> None:
    """Notify now, each hint once, in a transaction that does nothing else."""
    if not hints:
        return
    channels, payloads = zip(*dict.fromkeys(hints), strict=True)
    # The change is committed; that nobody can be told of it is no reason to report a failure.
    with suppress(SQLAlchemyError, psycopg.Error), driver_connection(engine) as connection:
        NOTIFY_ALL.all(connection, {"channels": list(channels), "payloads": list(payloads)})
