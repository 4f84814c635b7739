"""Back-pressure: submitters that are faster than the service are refused, or wait, instead of piling up work.

What is guaranteed: among all who submit to a collection with a limit of N, no commit makes its unfinished jobs more
than N, however many submit at once. Count and commit are one step, by an advisory lock that is held from the one to the
other; nothing slow happens in between, since bytes are stored before. A transaction of the caller's holds it until the
caller commits, so that should be soon. Those who submit without a limit are counted, but not held up; so are jobs that
are tried again. Under REPEATABLE READ a transaction of the caller's counts what it can see.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from sqlalchemy import Connection, Engine, select, text

from docrelay import tables as t
from docrelay.changes import Listener
from docrelay.database import transact
from docrelay.errors import CollectionFull, ConfigError
from docrelay.names import Channel

Result = TypeVar("Result")

WhenFull = Literal["refuse", "wait"]

LOOK_SECONDS = 2.0
"""A notification is only a hint: whoever waits looks this often anyway."""

PAUSE_SECONDS = 0.1
"""Between two looks, however many jobs end meanwhile: a thousand who wait must not keep Postgres busy."""

LOCK_SPACE = 0x646F6372
"""Of the two-part advisory locks; idempotency keys use the other kind."""

# Reads one index of unfinished jobs by collection, and no further than the limit.
COUNT = text(
    """
    select count(*) from (
        select from jobs where collection = :collection and status in ('queued', 'running') limit :most) unfinished
    """
)
LOCK = text("select pg_advisory_xact_lock(:space, hashtext(:collection))")


@dataclass(frozen=True, slots=True)
class Backpressure:
    """At most so many unfinished jobs of a collection, None for any number; checked when made.

    Raises:
        ConfigError: a value is out of its range; names it.
    """

    collection: str
    max_unfinished: int | None
    when_full: WhenFull
    timeout: float
    adding: int = 1
    key: str | None = None

    def __post_init__(self) -> None:
        """Check what could never be."""
        if self.when_full not in ("refuse", "wait"):
            raise ConfigError(f"when_full={self.when_full!r}: expected 'refuse' or 'wait'")
        if self.max_unfinished is None:
            return
        if self.max_unfinished < 1:
            raise ConfigError(f"max_unfinished={self.max_unfinished}: expected 1 or more")
        if self.adding > self.max_unfinished:
            raise ConfigError(
                f"{self.adding} documents at once never fit into max_unfinished={self.max_unfinished}: "
                "submit fewer at a time, or raise it"
            )

    def submit(self, engine: Engine, url: str, work: Callable[[Connection], Result]) -> Result:
        """`transact`, within the limit.

        Raises:
            CollectionFull: there is no room, or there was none within `timeout` seconds.
        """
        try:
            return transact(engine, lambda connection: self.keep(connection, work))
        except CollectionFull:
            if self.when_full == "refuse":
                raise
        return self._submit_when_there_is_room(engine, url, work)

    def _submit_when_there_is_room(self, engine: Engine, url: str, work: Callable[[Connection], Result]) -> Result:
        give_up = time.monotonic() + self.timeout
        with Listener(url, Channel.JOB) as listener:
            while True:
                try:
                    return transact(engine, lambda connection: self.keep(connection, work))
                except CollectionFull as full:
                    left = give_up - time.monotonic()
                    if left <= 0:
                        raise CollectionFull(full.collection, full.limit, full.unfinished, self.timeout) from None
                    time.sleep(min(PAUSE_SECONDS, left))
                    listener.wait(min(LOOK_SECONDS, left))

    def keep(self, connection: Connection, work: Callable[[Connection], Result]) -> Result:
        """Run `work`, which adds jobs, in this transaction; if they do not fit, nothing of it remains.

        Raises:
            CollectionFull: they do not fit. The transaction can go on.
        """
        if self.max_unfinished is None or self._is_known(connection):
            return work(connection)
        self._check(connection, self.adding, self.max_unfinished)  # before bytes are stored in vain
        with connection.begin_nested():
            result = work(connection)
            connection.execute(LOCK, {"space": LOCK_SPACE, "collection": self.collection})
            self._check(connection, 0, self.max_unfinished)
        return result

    def _is_known(self, connection: Connection) -> bool:
        """Whether nothing will be added: whoever submits again since he got no answer must get his job."""
        if self.key is None:
            return False
        return connection.scalar(select(t.Job.id).where(t.Job.key == self.key)) is not None

    def _check(self, connection: Connection, adding: int, most: int) -> None:
        counted = connection.scalar(COUNT, {"collection": self.collection, "most": most + 1}) or 0
        if counted + adding > most:
            raise CollectionFull(self.collection, most, counted)
