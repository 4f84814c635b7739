"""Celery Beat's side: a scheduler whose state is in Postgres and whose work is rows, so that any number may run.

    python -m celery -A app beat

Nothing is published here: what is due becomes a job, and the dispatcher announces it like any other.
"""

import logging
from pathlib import Path
from typing import Any

from celery.beat import Scheduler as CeleryScheduler
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.runtime import database_url, identity
from app.schedule import ledger
from app.schedule.entries import Entry
from app.schedule.file import Change, WatchedFile
from app.schedule.firing import Rounds
from app.schedule.leader import Leadership
from app.schedule.recurring import argument_models
from config.settings import settings
from docrelay.errors import DocrelayError

log = logging.getLogger(__name__)

STANDBY_SECONDS = 1.0
"""A Beat that does not lead asks this often whether it may."""

TROUBLE_SECONDS = 1.0


class Scheduler(CeleryScheduler):  # type: ignore[misc]  # Celery has no types
    """Beat's scheduler."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Made by Celery, twice: once only to be asked what it is (`lazy`)."""
        self._schedule: dict[str, Any] = {}
        self._leadership: Leadership | None = None
        self._file: WatchedFile | None = None
        self._path = Path(settings().schedule_file)
        self._rounds = Rounds(identity("beat"))
        self._in_trouble = False
        super().__init__(*args, **kwargs)

    @property
    def schedule(self) -> dict[str, Any]:
        """Celery's own entries: none, ours are rows."""
        return self._schedule

    def setup_schedule(self) -> None:
        """Prepare to lead."""
        self._leadership = Leadership(database_url())

    def tick(self, *_: Any, **__: Any) -> float:
        """One round; the seconds until the next."""
        try:
            seconds = self._round()
        except (DBAPIError, DocrelayError) as error:
            return self._troubled(str(getattr(error, "orig", error)).strip().partition("\n")[0])
        except Exception as error:
            # A Beat that dies of one bad row would take all other entries with it.
            log.exception("a round of the schedule failed")
            return self._troubled(type(error).__name__)
        if self._in_trouble:
            log.info("the database answers again")
            self._in_trouble = False
        return seconds

    def _troubled(self, reason: str) -> float:
        if not self._in_trouble:
            log.warning("%s; trying again every second, what is due meanwhile comes late", reason)
        self._in_trouble = True
        self._resign()
        return TROUBLE_SECONDS

    def _round(self) -> float:
        assert self._leadership is not None
        session = self._leadership.session()
        if session is None:
            return STANDBY_SECONDS
        if self._file is None:
            self._begin(session)
        self._look(session)
        return self._rounds.run(session)

    def _begin(self, session: Connection) -> None:
        log.info("leading, by %s", self._path)
        self._file = WatchedFile(self._path, argument_models())
        with session.begin():
            ledger.lead(session, self._rounds.who, str(self._path.resolve()))

    def _look(self, session: Connection) -> None:
        assert self._file is not None
        change = self._file.look()
        if change is None:
            return
        with session.begin():
            entries = self._entries(session, change)
            if entries is not None:
                self._rounds.take(session, entries)
            ledger.loaded(session, change.problem)

    def _entries(self, session: Connection, change: Change) -> dict[str, Entry] | None:
        """What to go by now; None: as before."""
        if change.entries is not None:
            log.info("%d entries read from %s", len(change.entries), self._path)
            ledger.remember(session, change.entries)
            return change.entries
        log.error("the last good schedule is kept, since the file is not well:\n%s", change.problem)
        return None if self._rounds.entries else ledger.remembered(session)

    def _resign(self) -> None:
        # Whoever leads again reads all anew: another may have led meanwhile.
        self._file = None
        self._rounds = Rounds(self._rounds.who)
        if self._leadership is not None:
            self._leadership.resign()

    def close(self) -> None:
        """Let another lead at once."""
        self._resign()
        if self._leadership is not None:
            self._leadership.close()

    @property
    def info(self) -> str:
        """For Beat's banner."""
        return f"    . schedule -> {self._path}"
