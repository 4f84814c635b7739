"""Ready stages become messages: by priority, through a short window, each with a way back to its row."""

import logging
import time
from collections import Counter, defaultdict
from dataclasses import dataclass

from sqlalchemy import Engine

from app.brokers.publisher import Announcement, Publisher
from app.dispatch.pace import BackOff
from app.dispatch.window import Window
from app.errors import BrokerUnavailable, MessagesRefused
from docrelay.database import transact_singly
from docrelay.names import STAGE_TASK_PREFIX, Queue
from docrelay.statements import Row, Statement
from docrelay.waiting import ALIVE_SECONDS

log = logging.getLogger(__name__)

NAME_LENGTH = 60

QUEUES = Statement(
    f"""
    select q.queue,
           (select count(*) from stage_runs s
            where s.queue = q.queue and s.status = 'ready' and s.announced_at is not null) as waiting,
           (select cast(coalesce(sum(slots), 0) as int) from processes p
            where p.role = 'worker' and p.queue = q.queue
              and p.beat_at > now() - interval '{ALIVE_SECONDS} seconds') as slots,
           -- Ordered, since the planner would rather read the table than the index for a mere `exists`.
           (select true from stage_runs s
            where s.queue = q.queue and s.status = 'ready' and s.announced_at is null and s.due_at <= now()
            order by s.queue, s.collection, s.priority desc, s.ready_at limit 1) is not null as more
    from unnest(cast(:queues as text[])) q(queue)
    """  # noqa: S608 - a constant of ours
)

TAKE = Statement(
    """
    with recursive room as (
        select * from unnest(cast(:queues as text[]), cast(:rooms as int[])) r(queue, room)
    ), waiting(queue, room, collection) as (
        -- The collections that wait, one step through the index for each, however many stages they have.
        select queue, room, (select min(collection) from stage_runs s
                             where s.queue = room.queue and s.status = 'ready' and s.announced_at is null)
        from room
        union all
        select queue, room, (select min(s.collection) from stage_runs s
                             where s.queue = waiting.queue and s.status = 'ready' and s.announced_at is null
                               and s.collection > waiting.collection)
        from waiting where collection is not null
    ), busy as (
        select queue, collection, count(*) as stages from (
            select queue, collection from stage_runs where status = 'running'
            union all
            select queue, collection from stage_runs where status = 'ready' and announced_at is not null
        ) under_way group by queue, collection
    ), whole as (
        select collection, sum(stages) as stages from busy group by collection
    ), candidates as (
        -- The first of each collection; its place in line counts what the collection has under way already, and by its
        -- weight a collection has several in the place of another's one. No more of it than its cap leaves.
        select w.queue, w.room, first.*,
               (row_number() over (partition by w.queue, w.collection, priority order by ready_at)
                + coalesce(busy.stages, 0)) / cast(coalesce(share.weight, 1) as float8) as place,
               coalesce(share.cap >= coalesce(whole.stages, 0) + row_number() over
                        (partition by w.collection order by priority desc, ready_at), true) as allowed
        from waiting w left join busy using (queue, collection) left join whole using (collection)
             left join collection_shares share using (collection), lateral (
            select id, priority, ready_at from stage_runs s
            where s.queue = w.queue and s.collection = w.collection and s.status = 'ready'
              and s.announced_at is null and s.due_at <= now()
            order by priority desc, ready_at
            limit w.room) first
    ), chosen as (
        select id, row_number() over (partition by queue order by priority desc, place, ready_at) <= room as fits
        from candidates where allowed
    ), picked as (
        -- Asked so that only the primary key can answer: while statistics are old, the planner takes the index of all
        -- that waits for a short one, and reads it whole.
        select id from stage_runs
        where id = any(array(select id from chosen where fits))
          and status = 'ready' and coalesce(announced_at, 'infinity') = 'infinity'
        for update skip locked
    )
    update stage_runs s
    set announced_at = now(), announcements = announcements + 1,
        announce_again_at = now() + least(3600, cast(:again as float8) * 2 ^ announcements) * interval '1 second',
        message_id = s.id || '.' || (s.attempt + 1) || '.' || (announcements + 1)
    where s.id = any(array(select id from picked))
    returning s.id, s.stage, s.queue, s.job_id, s.message_id, s.priority, s.collection,
              (select name from jobs where jobs.id = s.job_id) as name,
              (select p.message_id from stage_runs p
               where p.job_id = s.job_id and p.position = s.position - 1) as parent,
              set_config('synchronous_commit', 'off', true) as unflushed
    """
)

UNDO = Statement(
    """
    update stage_runs
    set announced_at = null, announce_again_at = null, announcements = announcements - 1
    where id = any(cast(:ids as uuid[])) and status = 'ready' and announced_at is not null
    returning id
    """
)


ALL_QUEUES = {"queues": [queue.value for queue in Queue]}


PLAN_ONCE = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off"
"""Postgres' options for connections that announce. These statements take longer to plan than to run, and a plan that
was made for empty tables must do for full ones: by index only."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What one round did: messages sent, and whether more work waits than the windows hold."""

    sent: int
    backlog: bool


class Announcer:
    """Announces ready stages of all queues; owned by one thread."""

    def __init__(self, engine: Engine, publisher: Publisher, *, again_seconds: float) -> None:
        """Announce through a publisher; unclaimed announcements are repeated after `again_seconds`."""
        self._engine = engine
        self._publisher = publisher
        self._again = again_seconds
        self._windows: dict[str, Window] = defaultdict(Window)
        self._refused: dict[str, BackOff] = {}

    @property
    def trouble(self) -> str | None:
        """Which queues take no messages, if any."""
        return f"no messages are taken by {', '.join(sorted(self._refused))}" if self._refused else None

    def round(self) -> Announced:
        """Fill every queue's window once.

        Raises:
            BrokerUnavailable: none of it can be reached; nothing is lost, what was not sent is ready again.
            Unavailable: the database cannot be reached.
        """
        rooms = self._rooms()
        announced = self._announce({queue: room for queue, room in rooms.items() if room})
        full = [queue for queue, room in rooms.items() if announced[queue] == room]
        for queue in full:
            self._windows[queue].filled(time.monotonic())
        return Announced(announced.total(), backlog=bool(full))

    def _rooms(self) -> dict[str, int]:
        """How many stages of each queue that has ready ones may be announced now."""
        now = time.monotonic()
        waiting = [
            queue for queue in transact_singly(self._engine, lambda c: QUEUES.all(c, ALL_QUEUES)) if queue["more"]
        ]
        # Another dispatcher may have sent what this one could not, or it is not wanted any more.
        self._refused = {row["queue"]: self._refused[row["queue"]] for row in waiting if row["queue"] in self._refused}
        return {
            queue["queue"]: self._windows[queue["queue"]].room(queue["waiting"], queue["slots"], now)
            for queue in waiting
            if not self._rests(queue["queue"], now)
        }

    def _announce(self, rooms: dict[str, int]) -> Counter[str]:
        """Announce at most so many of each queue; how many of each there were.

        A queue that takes none is left alone for a while; the others do not wait for it.
        """
        if not rooms:
            return Counter()
        values = {"queues": list(rooms), "rooms": list(rooms.values()), "again": self._again}
        # Not flushed by its commit: a mark that a crash of Postgres takes back is set again, and the second
        # message of the two is dropped.
        rows = transact_singly(self._engine, lambda c: TAKE.all(c, values))
        # Marked first, sent after: a message can be late or lost, but never ahead of its row.
        messages = [_announcement(row) for row in sorted(rows, key=lambda row: -row["priority"])]
        try:
            self._publisher.publish_many(messages)
        except BrokerUnavailable as error:
            undone = [row for row in rows if row["message_id"] not in error.confirmed]
            transact_singly(self._engine, lambda c: UNDO.all(c, {"ids": [row["id"] for row in undone]}))
            if not isinstance(error, MessagesRefused):
                raise
            self._leave_alone({row["queue"] for row in undone}, error)
            rows = [row for row in rows if row["message_id"] in error.confirmed]
        sent = Counter(row["queue"] for row in rows)
        for queue in set(sent) & set(self._refused):
            del self._refused[queue]
        return sent

    def _rests(self, queue: str, now: float) -> bool:
        return queue in self._refused and now < self._refused[queue].again

    def _leave_alone(self, queues: set[str], error: MessagesRefused) -> None:
        for queue in queues:
            back_off = self._refused.setdefault(queue, BackOff())
            back_off.failed(time.monotonic())
            log.warning("%s; %s again in %g s, nothing is lost", error, queue, back_off.seconds)


def _announcement(row: Row) -> Announcement:
    return Announcement(
        task=STAGE_TASK_PREFIX + row["stage"],
        args=[str(row["id"])],
        queue=Queue(row["queue"]),
        task_id=row["message_id"],
        root_id=str(row["job_id"]),
        parent_id=row["parent"],
        argsrepr=_readable(row),
    )


def _readable(row: Row) -> str:
    """What Flower shows: which document, of which collection, for which job."""
    name = row["name"] if len(row["name"]) <= NAME_LENGTH else row["name"][: NAME_LENGTH - 1] + "…"
    return f"{name} · {row['collection']} · job {row['job_id']}"
