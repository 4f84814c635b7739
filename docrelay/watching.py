"""Watching jobs: all watchers of a process share one connection, which listens and reads for all of them.

A notification says which job may have changed; what it is like now is always read from its rows. So nothing is missed
for good: when the connection has been broken, and every few seconds anyway, whatever is watched is looked at.
"""

import os
import select
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from docrelay import tables as t
from docrelay.database import make_engine
from docrelay.errors import NotFound, Unavailable
from docrelay.names import Channel
from docrelay.reading import read_jobs, select_jobs
from docrelay.views import Job

LOOK_SECONDS = 2.0
"""A notification is only a hint, and may die with its process: look at the rows this often anyway."""

RECONNECT_SECONDS = 0.5
PATIENCE_SECONDS = 20.0
"""When the database has been away for so long, those who watch are told."""

MOST_AT_ONCE = 200
FEW = 20
"""So many are read whole at every look: why they wait, and how long still, is nowhere notified."""

MARKS = text(
    """
    select j.id, j.status || ' ' || coalesce((select max(id) from events where job_id = j.id), 0) || ' '
           || coalesce((select sum(attempt + coalesce(progress_done, 0)) from stage_runs where job_id = j.id), 0)
           as mark
    from jobs j where j.id = any(:ids)
    """
)
"""What is different after a change: cheap enough to ask for thousands of jobs."""


class Place:
    """One watcher's place: the newest state of each of its jobs that it has not seen yet."""

    def __init__(self, ids: Iterable[uuid.UUID]) -> None:
        """Watch these."""
        self.ids = set(ids)
        self._news: dict[uuid.UUID, Job | None] = {}
        self._trouble: Unavailable | None = None
        self._changed = threading.Condition()

    def put(self, news: dict[uuid.UUID, Job | None]) -> None:
        """Hand over states, None for a job that is not there; a newer one takes the place of an older one."""
        with self._changed:
            self._trouble = None
            self._news |= {job_id: news[job_id] for job_id in self.ids & news.keys()}
            self._changed.notify_all()

    def complain(self, trouble: Unavailable) -> None:
        """Hand over that nothing can be known."""
        with self._changed:
            self._trouble = trouble
            self._changed.notify_all()

    def take(self, timeout: float | None) -> list[Job]:
        """What is new, as soon as something is; nothing after `timeout` seconds.

        Raises:
            NotFound: a job does not exist, or was deleted.
            Unavailable: the database has been away for a while.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._news or self._trouble, timeout)
            if self._trouble:
                raise self._trouble
            news, self._news = self._news, {}
        for job_id, job in news.items():
            if job is None:
                raise NotFound(f"there is no job {job_id}")
        return [job for job in news.values() if job]


class _Hub:
    """The one connection of a process, and the thread that uses it."""

    def __init__(self, url: str) -> None:
        self.users = 0
        self._engine = make_engine(url, pool_size=1, application="docrelay watch").execution_options(
            isolation_level="AUTOCOMMIT"
        )
        self._places: dict[uuid.UUID, set[Place]] = defaultdict(set)
        self._changed: set[uuid.UUID] = set()
        self._marks: dict[uuid.UUID, str] = {}
        self._lock = threading.Lock()
        self._wake_end, self._wake = os.pipe()
        self._stopped = False
        self._away_since = 0.0
        self._connection: Connection | None = None
        try:
            self._connect()
        except (DBAPIError, psycopg.Error) as error:
            self._close()
            raise Unavailable(f"the database cannot be reached: {error}") from error
        self._thread = threading.Thread(target=self._run, name="docrelay watch", daemon=True)
        self._thread.start()

    def _connect(self) -> None:
        connection = self._engine.connect()
        _driver(connection).execute(f"listen {Channel.JOB}".encode())
        self._connection = connection
        self._away_since = 0.0
        with self._lock:
            # Whatever happened while nobody listened.
            self._changed |= self._places.keys()

    def add(self, place: Place) -> None:
        with self._lock:
            for job_id in place.ids:
                self._places[job_id].add(place)
            self._changed |= place.ids
        os.write(self._wake, b".")

    def remove(self, place: Place) -> None:
        with self._lock:
            for job_id in place.ids:
                self._places[job_id].discard(place)
                if not self._places[job_id]:
                    del self._places[job_id]
                    self._marks.pop(job_id, None)

    def stop(self) -> None:
        self._stopped = True
        os.write(self._wake, b".")
        self._thread.join(10)
        self._close()

    def _close(self) -> None:
        self._disconnect()
        self._engine.dispose()
        os.close(self._wake)
        os.close(self._wake_end)

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(DBAPIError, psycopg.Error):
                self._connection.invalidate()  # it listens: nobody else shall have it from the pool
                self._connection.close()
        self._connection = None

    def _run(self) -> None:
        look_at = 0.0
        while not self._stopped:
            try:
                if self._connection is None:
                    self._connect()
                assert self._connection is not None
                self._listen(self._connection, look_at - time.monotonic())
                if time.monotonic() >= look_at:
                    look_at = time.monotonic() + LOOK_SECONDS
                    self._look(self._connection)
                self._read(self._connection)
            except (DBAPIError, psycopg.Error) as error:
                self._disconnect()
                self._wait_out(error)

    def _wait_out(self, error: Exception) -> None:
        self._away_since = self._away_since or time.monotonic()
        if time.monotonic() - self._away_since > PATIENCE_SECONDS:
            trouble = Unavailable(f"the database cannot be reached: {str(error).splitlines()[0]}")
            for place in self._everybody():
                place.complain(trouble)
        select.select([self._wake_end], [], [], RECONNECT_SECONDS)

    def _everybody(self) -> set[Place]:
        with self._lock:
            return {place for places in self._places.values() for place in places}

    def _listen(self, connection: Connection, seconds: float) -> None:
        """Until something was heard, somebody new came, or it is time to look."""
        driver = _driver(connection)
        self._hear(driver)  # what came while it was reading is in its memory, not on the line
        if not self._changed:
            heard, _, _ = select.select([driver.fileno(), self._wake_end], [], [], max(0.0, seconds))
            if self._wake_end in heard:
                os.read(self._wake_end, 4096)
            self._hear(driver)

    def _hear(self, driver: psycopg.Connection) -> None:
        payloads = {notice.payload for notice in driver.notifies(timeout=0)}
        with self._lock:
            self._changed |= {job_id for job_id in map(_as_id, payloads) if job_id in self._places}

    def _look(self, connection: Connection) -> None:
        with self._lock:
            watched = list(self._places)
        if len(watched) <= FEW:
            changed = set(watched)
        else:
            marks = {row.id: row.mark for row in connection.execute(MARKS, {"ids": watched})}
            changed = {job_id for job_id in watched if self._marks.get(job_id) != marks.get(job_id)}
            self._marks = marks
        with self._lock:
            self._changed |= changed

    def _read(self, connection: Connection) -> None:
        with self._lock:
            changed = list(self._changed & self._places.keys())
            self._changed.clear()
        try:
            for start in range(0, len(changed), MOST_AT_ONCE):
                self._publish(connection, changed[start : start + MOST_AT_ONCE])
        except (DBAPIError, psycopg.Error):
            with self._lock:
                self._changed |= set(changed)
            raise

    def _publish(self, connection: Connection, ids: list[uuid.UUID]) -> None:
        news: dict[uuid.UUID, Job | None] = dict.fromkeys(ids)
        news |= {job.id: job for job in read_jobs(connection, select_jobs().where(t.Job.id.in_(ids)))}
        with self._lock:
            places = {place for job_id in ids for place in self._places.get(job_id, ())}
        for place in places:
            place.put(news)


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)


def _as_id(payload: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(payload)
    except ValueError:
        return None


_hubs: dict[tuple[int, str], _Hub] = {}  # by process, since a connection does not survive a fork
_hubs_lock = threading.Lock()


@contextmanager
def watching(url: str, ids: Iterable[uuid.UUID]) -> Iterator[Place]:
    """A place that gets the state of these jobs now, and at every change.

    Raises:
        Unavailable: the database cannot be reached.
    """
    key = (os.getpid(), url)
    with _hubs_lock:
        hub = _hubs.get(key) or _Hub(url)
        _hubs[key] = hub
        hub.users += 1
    place = Place(ids)
    hub.add(place)
    try:
        yield place
    finally:
        hub.remove(place)
        with _hubs_lock:
            hub.users -= 1
            over = hub.users == 0
            if over:
                del _hubs[key]
        if over:
            hub.stop()
