"""Every few seconds: what stopped moving is found and moved on, and what nobody took is announced again."""

import logging
import time
import uuid

from sqlalchemy import Connection, Engine, insert, text

from app.brokers.deadletters import DeadLetter
from app.brokers.publisher import Publisher
from app.errors import BrokerUnavailable
from app.locks import Lock, take
from app.runtime import identity
from docrelay import passwords, transitions
from docrelay.database import transact
from docrelay.names import Queue
from docrelay.tables import DeadMessage
from docrelay.transitions import Policy
from docrelay.transitions.batches import close_batches

log = logging.getLogger(__name__)


MOST_DEAD_LETTERS = 100
DEAD_LETTER_SECONDS = 2.0
FOLLOWERS_SECONDS = 60.0

UNCLAIMED = text(
    """
    select count(*) as unclaimed, count(*) filter (where announce_again_at < now()) as overdue
    from stage_runs where queue = :queue and status = 'ready' and announced_at is not null
    """
)

AGAIN = text(
    """
    with stale as (
        select id from stage_runs
        where queue = :queue and status = 'ready' and announced_at is not null and announce_again_at < now()
        order by announce_again_at limit :most
        for update skip locked
    ), undone as (
        update stage_runs set announced_at = null from stale where stage_runs.id = stale.id
        returning job_id, stage, announcements
    )
    insert into events (job_id, kind, stage, who, detail)
    select job_id, 'announced again', stage, :who, jsonb_build_object('announcements', announcements) from undone
    """
)

TIDY = (
    text("delete from queries where created_at < now() - interval '1 minute'"),
    text("delete from rerankings where created_at < now() - interval '10 minutes'"),
    text(
        "delete from page_slices s where not exists "
        "(select 1 from jobs where document_id = s.document_id and status in ('queued', 'running'))"
    ),
    text("delete from processes where beat_at < now() - interval '10 minutes'"),
)


class Sweep:
    """The sweep of one dispatcher."""

    def __init__(self, engine: Engine, publisher: Publisher, policy: Policy) -> None:
        """Sweep with the dispatcher's own connection to the broker."""
        self._engine = engine
        self._publisher = publisher
        self._policy = policy
        self._who = identity("dispatcher")
        self._next_followers = 0.0
        self.broker_trouble: str | None = None
        """Why the broker could not be asked the last time."""

    def run(self) -> None:
        """Sweep once.

        Raises:
            Unavailable: the database cannot be reached.
        """
        moved = transact(self._engine, self._rows)
        if moved:
            log.warning("%d stages taken back: their lease ran out", moved)
        try:
            self._messages()
            self.broker_trouble = None
        except BrokerUnavailable as error:
            self.broker_trouble = str(error)
            log.warning("queues not looked at: %s", error)

    def _rows(self, connection: Connection) -> int:
        if not take(connection, Lock.SWEEP):
            return 0
        for statement in TIDY:
            connection.execute(statement)
        passwords.forget_finished(connection)
        self._release_followers(connection)
        close_batches(connection)
        return transitions.expire_leases(connection, who=self._who, policy=self._policy)

    def _release_followers(self, connection: Connection) -> None:
        # Looks at every queued job, and normally finds nothing: rarely is enough.
        if time.monotonic() < self._next_followers:
            return
        self._next_followers = time.monotonic() + FOLLOWERS_SECONDS
        followers = transitions.release_followers(connection)
        if followers:
            log.warning("%d jobs were waiting behind nothing", followers)

    def _messages(self) -> None:
        for queue in Queue:
            self._announce_again(queue)
        for letter in self._publisher.dead_letters(MOST_DEAD_LETTERS, DEAD_LETTER_SECONDS):
            row = insert(DeadMessage).values(
                queue=letter.queue,
                reason=letter.reason,
                stage_run_id=_stage_run_id(letter),
                headers=letter.headers,
                body=letter.body,
            )
            transact(self._engine, lambda c, row=row: c.execute(row))  # type: ignore[misc]
            log.warning("dead letter from %s kept: %s", letter.queue, letter.reason)

    def _announce_again(self, queue: Queue) -> None:
        """Only while the queue is shorter than what was announced to it: else the messages are still there."""
        row = transact(self._engine, lambda c: c.execute(UNCLAIMED, {"queue": queue}).one())
        if not row.overdue:
            return
        missing = row.unclaimed - self._publisher.queue_state(queue).messages
        if missing <= 0:
            return
        values = {"queue": queue, "most": missing, "who": self._who}
        again = transact(self._engine, lambda c: c.execute(AGAIN, values).rowcount)
        log.warning("%d announcements on %s were lost; announcing again", again, queue)


def _stage_run_id(letter: DeadLetter) -> uuid.UUID | None:
    """The stage run that the message announced, if it is one of ours."""
    try:
        return uuid.UUID(str(letter.headers.get("id", "")).split(".")[0])
    except ValueError:
        return None
