"""Hearing of changes: LISTEN on a connection of its own, healed when it breaks."""

import time
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self

import psycopg

from docrelay.database import CONNECT, psycopg_url
from docrelay.errors import Unavailable

RECONNECT_SECONDS = 0.5


class Listener:
    """Notifications of some channels. They are hints: whoever waits also looks now and then."""

    def __init__(self, url: str, *channels: str, patient: bool = False) -> None:
        """Listen from now on, or, if `patient`, from when the database can be reached.

        Raises:
            Unavailable: the database cannot be reached, and it is not patient.
        """
        self._info = psycopg_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._channels = channels
        self._connection: psycopg.Connection | None = None
        try:
            self._connect()
        except psycopg.OperationalError as error:
            if patient:
                return
            raise Unavailable(f"the database cannot be reached: {error}") from error

    def _connect(self) -> psycopg.Connection:
        connection = psycopg.connect(self._info, autocommit=True, application_name="docrelay listen", **CONNECT)
        for channel in self._channels:
            connection.execute(f"listen {channel}".encode())
        self._connection = connection
        return connection

    def wait(self, seconds: float) -> list[tuple[str, str]]:
        """The (channel, payload) heard within `seconds`; returns as soon as there are any.

        A broken connection is made anew; ("", "") then stands for what may have been missed.
        """
        try:
            if self._connection is None:
                self._connect()
                return [("", "")]
            return list(self._heard(self._connection, seconds))
        except psycopg.OperationalError:
            self.close()
            time.sleep(min(seconds, RECONNECT_SECONDS))
            return []

    @staticmethod
    def _heard(connection: psycopg.Connection, seconds: float) -> Iterator[tuple[str, str]]:
        for notice in connection.notifies(timeout=seconds, stop_after=1):
            yield notice.channel, notice.payload
        for notice in connection.notifies(timeout=0):
            yield notice.channel, notice.payload

    def close(self) -> None:
        """Stop listening."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
