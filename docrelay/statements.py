"""Statements that every stage needs: psycopg runs them, on the connection and in the transaction at hand.

SQLAlchemy's own work on a short statement takes several times what psycopg takes, and what a job costs
without its work is mostly such statements.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

AnyConnection = Connection | psycopg.Connection
"""A connection of SQLAlchemy, or the driver's own."""

PARAMETER = re.compile(r"(?<![:\w]):(\w+)")

Row = dict[str, Any]


class Statement:
    """SQL with parameters written as `:name`, like SQLAlchemy's `text`."""

    def __init__(self, sql: str) -> None:
        """Translate it once."""
        self.sql = sql
        self._translated = PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%")).encode()

    def all(self, connection: AnyConnection, values: Mapping[str, Any]) -> list[Row]:
        """Run it; its rows.

        Raises:
            DBAPIError: as from SQLAlchemy.
        """
        driver = connection if isinstance(connection, psycopg.Connection) else _driver(connection)
        try:
            return driver.cursor(row_factory=dict_row).execute(self._translated, values).fetchall()
        except psycopg.Error as error:
            if isinstance(connection, Connection) and driver.closed:
                _discard(connection, error)
            raise DBAPIError(self.sql, None, error, connection_invalidated=driver.closed) from error

    def first(self, connection: AnyConnection, values: Mapping[str, Any]) -> Row | None:
        """Run it; its first row, or None.

        Raises:
            DBAPIError: as from SQLAlchemy.
        """
        rows = self.all(connection, values)
        return rows[0] if rows else None


def _driver(connection: Connection) -> psycopg.Connection:
    return cast("psycopg.Connection", connection.connection.driver_connection)


def _discard(connection: Connection, error: psycopg.Error) -> None:
    """As SQLAlchemy does after a disconnect: what broke one connection has broken the others of the pool."""
    connection.invalidate(error)
    connection.engine.dispose()
