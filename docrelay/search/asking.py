"""Asking the service by a row: written and told of, answered in its own columns, removed."""

import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, delete, text
from sqlalchemy.dialects.postgresql import insert as upsert

from docrelay import tables as t
from docrelay.changes import Listener
from docrelay.database import transact
from docrelay.ids import new_id
from docrelay.names import Channel

Answer = TypeVar("Answer")
Table = type[t.Query] | type[t.Reranking]


def ask(
    engine: Engine,
    url: str,
    table: Table,
    channel: Channel,
    values: dict[str, Any],
    answer: Callable[[Connection, uuid.UUID], Answer | None],
    *,
    timeout: float,
) -> Answer | None:
    """Write a row with these values, and wait until `answer` finds one in it; None if it does not in `timeout` seconds.

    Whatever `answer` raises passes through.
    """
    request = new_id()
    give_up = time.monotonic() + timeout
    with Listener(url, Channel.ANSWER) as listener:
        transact(engine, lambda connection: _write(connection, table, channel, {"id": request, **values}))
        try:
            while (left := give_up - time.monotonic()) > 0:
                listener.wait(min(left, 1.0))
                found = transact(engine, lambda connection: answer(connection, request))
                if found is not None:
                    return found
        finally:
            transact(engine, lambda connection: connection.execute(delete(table).where(table.id == request)))
    return None


def _write(connection: Connection, table: Table, channel: Channel, values: dict[str, Any]) -> None:
    connection.execute(upsert(table).values(values).on_conflict_do_nothing())
    connection.execute(text("select pg_notify(:channel, :id)"), {"channel": channel, "id": str(values["id"])})
