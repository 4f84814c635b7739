"""Which of several Beats fires: the one whose database session holds an advisory lock.

The leader writes on that very session. So who has lost the lock, without knowing it, can write nothing: his session is
gone, and what he had begun with it is rolled back.
"""

import logging

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from app.locks import Lock
from docrelay.database import make_engine

log = logging.getLogger(__name__)

SILENT_SECONDS = 10
"""A leader asks something every second. One that has not for so long is frozen: its session is ended."""

TAKE = text("select pg_try_advisory_lock(:lock)")

# Who is unplugged is noticed by the server only by these; its own defaults are hours.
SESSION = (
    "set tcp_keepalives_idle = 3",
    "set tcp_keepalives_interval = 2",
    "set tcp_keepalives_count = 3",
    "set tcp_user_timeout = 9000",
    "set idle_in_transaction_session_timeout = '10s'",
    "set statement_timeout = '10s'",
)

DEPOSE = text(
    """
    select pg_terminate_backend(a.pid) from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'advisory' and l.classid = 0 and l.objid = :lock and l.objsubid = 1 and l.granted
      and a.datname = current_database() and a.state <> 'active'
      and a.state_change < clock_timestamp() - :silent * interval '1 second'
    """
)


class Leadership:
    """One Beat's claim to lead. Used by one thread."""

    def __init__(self, url: str) -> None:
        """Prepare; nothing is connected yet."""
        self._engine: Engine = make_engine(url, pool_size=1, application="docrelay beat")
        self._session: Connection | None = None
        self._leads = False

    @property
    def leads(self) -> bool:
        """Whether the lock was ours when last asked."""
        return self._leads

    def session(self) -> Connection | None:
        """The session to write on, outside of a transaction; None while another leads.

        Raises:
            DBAPIError: the database cannot be reached; call `resign`.
        """
        if self._session is None:
            self._session = self._connect()
        if not self._leads:
            with self._session.begin():
                self._leads = bool(self._session.scalar(TAKE, {"lock": Lock.BEAT}))
                if not self._leads:
                    self._depose(self._session)
        return self._session if self._leads else None

    def _connect(self) -> Connection:
        session = self._engine.connect()
        with session.begin():
            for setting in SESSION:
                session.execute(text(setting))
        return session

    @staticmethod
    def _depose(session: Connection) -> None:
        if any(session.scalars(DEPOSE, {"lock": Lock.BEAT, "silent": SILENT_SECONDS})):
            log.warning("the leading Beat said nothing for %d s: its session was ended", SILENT_SECONDS)

    def resign(self) -> None:
        """Give up the session, and the lock with it."""
        session, self._session, self._leads = self._session, None, False
        if session is not None:
            try:
                session.invalidate()
                session.close()
            except DBAPIError as error:
                log.debug("the session was gone: %s", error)

    def close(self) -> None:
        """Resign for good."""
        self.resign()
        self._engine.dispose()
