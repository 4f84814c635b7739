"""Transactions whose connection breaks in the middle are run again."""

from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, text

from docrelay.database import transact
from docrelay.names import Channel
from docrelay.transitions import commit_and_tell
from docrelay.transitions.hints import tell


def _cut(engine: Engine, connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    pid = driver.info.backend_pid
    with engine.begin() as other:
        other.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})


def test_with_hints_that_wait_for_the_commit(engine: Engine) -> None:
    """A broken connection must not be asked for anything: that raised what nobody waits out."""
    tries: list[int] = []

    def work(connection: Connection) -> str:
        tries.append(1)
        tell(connection, Channel.JOB, "x")
        if len(tries) == 1:
            _cut(engine, connection)
        return str(connection.scalar(text("select 'done'")))

    assert commit_and_tell(engine, work) == "done"
    assert len(tries) == 2


def test_a_disk_that_is_full_may_have_room_again(engine: Engine) -> None:
    """COPY goes past SQLAlchemy, which then wraps no error."""
    tries: list[int] = []

    def work(_: Connection) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise psycopg.errors.DiskFull("could not extend file")
        return "done"

    assert transact(engine, work) == "done"
