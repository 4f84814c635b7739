"""What a source holds now, beside what was taken of it before; compared by Postgres, so that memory stays flat."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

import psycopg
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from docrelay.database import may_pass
from docrelay.errors import Unavailable
from tasks.recurring.sync.places import Found

COPIED = 5_000
PAGE = 500

MAKE = text(
    """
    create temporary table listed (path text, size bigint, stamp text not null)
    """
)

COUNT_GONE = text(
    """
    select count(*) from sync_items i
    where i.sync = :sync and not exists (select 1 from listed l where l.path = i.path)
    """
)

GONE = text(
    """
    select i.path from sync_items i
    where i.sync = :sync and i.path > :after and not exists (select 1 from listed l where l.path = i.path)
    order by i.path limit :most
    """
)

# Without a stamp it is always looked at.
CHANGED = """
    from listed l left join sync_items i on i.sync = :sync and i.path = l.path
    where (i.path is null or l.stamp = '' or i.stamp <> l.stamp or i.size is distinct from l.size)
"""

DIFFERENT = text(
    f"""
    select l.path, l.size, l.stamp, i.path is not null as known, i.sha256, i.document_id, i.owned {CHANGED}
      and l.path > :after order by l.path limit :most
    """
)

COUNT_DIFFERENT = text(f"select count(*) {CHANGED}")


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is new, or not as it was when it was taken."""

    found: Found
    known: bool
    sha256: bytes | None
    document_id: uuid.UUID | None
    owned: bool


class Listing:
    """One run's list, in a temporary table of a connection of its own."""

    def __init__(self, engine: Engine, sync: str) -> None:
        """List for the sync of this name."""
        self._engine = engine
        self._sync = sync
        self._waiting: list[Found] = []
        self._connection: Connection | None = None
        self.count = 0

    def __enter__(self) -> Self:
        with _reaching():
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._connection.execute(MAKE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            # The temporary table goes with its session: it must not come back out of the pool.
            self._connection.invalidate()
            self._connection.close()

    @property
    def _open(self) -> Connection:
        assert self._connection is not None
        return self._connection

    def add(self, found: Found) -> None:
        """One more is there."""
        self._waiting.append(found)
        self.count += 1
        if len(self._waiting) >= COPIED:
            self._copy()

    def close(self) -> None:
        """That was all."""
        self._copy()
        with _reaching():
            self._open.execute(text("create index on listed (path)"))
            self._open.execute(text("analyze listed"))

    def _copy(self) -> None:
        waiting, self._waiting = self._waiting, []
        with _reaching():
            driver = cast("psycopg.Connection[Any]", self._open.connection.driver_connection)
            try:
                with driver.cursor() as cursor, cursor.copy("copy listed (path, size, stamp) from stdin") as copy:
                    for found in waiting:
                        copy.write_row((found.path, found.size, found.stamp))
            except psycopg.OperationalError as error:
                raise Unavailable(f"the database cannot be reached: {error}") from error

    def known(self) -> int:
        """How many were taken before."""
        return self._number(text("select count(*) from sync_items where sync = :sync"))

    def count_gone(self) -> int:
        """How many of them are not there any more."""
        return self._number(COUNT_GONE)

    def count_different(self) -> int:
        """How many are new, or not as they were when they were taken."""
        return self._number(COUNT_DIFFERENT)

    def _number(self, statement: Any) -> int:
        with _reaching():
            return int(self._open.scalar(statement, {"sync": self._sync}) or 0)

    def differences(self) -> Iterator[list[Difference]]:
        """What is new or changed, by path, a page at a time."""
        for rows in self._pages(DIFFERENT):
            yield [
                Difference(
                    Found(row.path, row.size, row.stamp), row.known, row.sha256, row.document_id, bool(row.owned)
                )
                for row in rows
            ]

    def gone(self) -> Iterator[list[str]]:
        """The paths that are not there any more, a page at a time."""
        for rows in self._pages(GONE):
            yield [row.path for row in rows]

    def _pages(self, statement: Any) -> Iterator[Any]:
        after = ""
        while True:
            with _reaching():
                rows = self._open.execute(statement, {"sync": self._sync, "after": after, "most": PAGE}).all()
            if rows:
                yield rows
                after = rows[-1].path
            if len(rows) < PAGE:
                return


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if may_pass(error):
            # The run's lease runs out, and it is tried again from the start: what it has taken stays taken.
            raise Unavailable(f"the database cannot be reached: {error.orig}") from error
        raise
