"""Connecting to Postgres with every wait bounded, and running a transaction that may be run again."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import psycopg
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from docrelay.errors import ConfigError, Unavailable
from docrelay.names import ADDRESS_FILE, HOME_DEFAULT, Variable

Item = TypeVar("Item")
Result = TypeVar("Result")

SESSION_OPTIONS = " ".join(
    [
        "-c statement_timeout=60s",  # a statement that hangs must not hold a worker for ever
        "-c lock_timeout=10s",  # nor one that waits behind somebody's forgotten lock
        "-c idle_in_transaction_session_timeout=60s",
        "-c timezone=UTC",
    ]
)

CONNECT: dict[str, Any] = {
    "connect_timeout": 5,
    # A peer that is gone without a word is noticed in about 20 s instead of two hours.
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def find_url(explicit: str | None = None) -> str:
    """The database's URL: the argument, DOCRELAY_DATABASE_URL, or the embedded stack in DOCRELAY_HOME.

    Raises:
        ConfigError: none of them is there; says what to set.
    """
    url = explicit or os.environ.get(Variable.DATABASE_URL)
    if url:
        return url
    address = Path(os.environ.get(Variable.HOME, HOME_DEFAULT)) / ADDRESS_FILE
    if address.is_file():
        return address.read_text().strip()
    raise ConfigError(
        f"no database: set {Variable.DATABASE_URL}=postgresql://user:password@host/database, "
        f"or start the embedded stack with `python -m app up` (looked for {address})"
    )


def psycopg_url(url: str) -> URL:
    """The URL with the psycopg 3 driver named.

    Raises:
        ConfigError: not a PostgreSQL URL.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError("the database URL cannot be read; expected postgresql://…") from None
    if parsed.get_backend_name() != "postgresql":
        raise ConfigError(f"the database URL names {parsed.get_backend_name()}; expected postgresql://…")
    return parsed.set(drivername="postgresql+psycopg")


def make_engine(
    url: str, *, pool_size: int = 5, application: str = "docrelay", ping: bool = True, options: str = ""
) -> Engine:
    """An engine whose connections never wait without an end.

    `options` are for Postgres, as in SESSION_OPTIONS, and come after these.
    Without `ping` a connection that broke meanwhile is noticed by the first statement, which `transact` runs again.
    """
    return create_engine(
        psycopg_url(url),
        pool_size=pool_size,
        hide_parameters=True,  # errors end up in logs and rows, and parameters hold documents and passwords
        max_overflow=5,
        pool_timeout=10,
        pool_pre_ping=ping,
        connect_args={**CONNECT, "options": f"{SESSION_OPTIONS} {options}", "application_name": application},
    )


BATCH = 500
"""Rows that go with one statement: more would only make the statements longer."""


def batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The items in the same order, as many at a time as one statement should have."""
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def storable(text: str) -> str:
    """A text as Postgres and UTF-8 take it: without NUL, undecodable bytes of a file name replaced."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


PASSING = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "55P03",  # lock_not_available
    "57P01",  # admin_shutdown
    "57P02",  # crash_shutdown
    "57P03",  # cannot_connect_now
    "57P05",  # idle_session_timeout
    "25P03",  # idle_in_transaction_session_timeout
    "53100",  # disk_full: somebody will make room, or the caller is told that it is unavailable
    "53300",  # too_many_connections
}


def may_pass(error: DBAPIError | psycopg.Error) -> bool:
    """Whether the same transaction may succeed when it is run again."""
    cause = _cause(error)
    state = getattr(cause, "sqlstate", None)
    return (
        (isinstance(error, DBAPIError) and error.connection_invalidated)
        or (isinstance(cause, psycopg.OperationalError) and state is None)
        or state in PASSING
        or (state or "").startswith("08")
    )


def _cause(error: DBAPIError | psycopg.Error) -> BaseException | None:
    """What the driver said. COPY goes past SQLAlchemy, which then wraps nothing."""
    return error.orig if isinstance(error, DBAPIError) else error


def transact(
    engine: Engine,
    work: Callable[[Connection], Result],
    *,
    patience: float = 20.0,
) -> Result:
    """Run `work` in a transaction, again while the trouble may pass, for up to `patience` seconds.

    A commit whose answer was lost may have happened, so `work` must be right when run twice.

    Raises:
        Unavailable: the database could not be reached in that time.
        ConfigError: it has not the tables of this version.
    """

    def attempt() -> Result:
        with engine.begin() as connection:
            return work(connection)

    return _persist(attempt, patience)


def transact_singly(
    engine: Engine,
    work: Callable[[psycopg.Connection], Result],
    *,
    patience: float = 20.0,
) -> Result:
    """Run `work` with a connection on which every statement is a transaction; else like `transact`.

    Neither BEGIN nor COMMIT has to be sent, and SQLAlchemy has nothing to do: for `docrelay.statements`.
    """

    def attempt() -> Result:
        with driver_connection(engine) as connection:
            return work(connection)

    return _persist(attempt, patience)


@contextmanager
def driver_connection(engine: Engine) -> Iterator[psycopg.Connection]:
    """A connection of the pool as the driver knows it, outside transactions.

    Raises:
        DBAPIError: there is none to be had.
    """
    try:
        pooled = engine.raw_connection()
    except psycopg.Error as error:  # SQLAlchemy wraps only what its own connections raise
        raise DBAPIError("", None, error, connection_invalidated=True) from error
    driver = cast("psycopg.Connection", pooled.driver_connection)
    try:
        driver.autocommit = True
        yield driver
        driver.autocommit = False
    except BaseException:
        broken = driver.closed
        pooled.invalidate()
        if broken:
            engine.dispose()  # what broke this one has broken the others of the pool
        raise
    finally:
        pooled.close()


def _persist(attempt: Callable[[], Result], patience: float) -> Result:
    give_up = time.monotonic() + patience
    pause = 0.05
    while True:
        try:
            return attempt()
        except (DBAPIError, psycopg.Error) as error:
            if not may_pass(error):
                _explain(error)
                raise
            if time.monotonic() + pause > give_up:
                reason = str(_cause(error)).strip().splitlines()
                raise Unavailable(f"the database cannot be reached: {reason[0] if reason else error}") from error
        time.sleep(pause)
        pause = min(2.0, pause * 2)


NOT_MIGRATED = {"42P01", "42703"}  # undefined_table, undefined_column


def _explain(error: DBAPIError | psycopg.Error) -> None:
    cause = _cause(error)
    if getattr(cause, "sqlstate", None) in NOT_MIGRATED:
        what = str(cause).splitlines()[0]
        raise ConfigError(f"the database has not the tables of this version ({what}); run `python -m app migrate`")
