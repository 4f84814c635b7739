"""The few jobs without an outcome, in every state there is, brought there by the service's own moves."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, text

from app.dispatch.announce import PLAN_ONCE
from benchmarks.rows.fill import BATCH
from docrelay import Client, Job, transitions
from docrelay.database import make_engine, transact
from docrelay.names import ErrorClass, Queue
from docrelay.transitions import Claim, Policy, Problem
from docrelay.transitions.claims import new_token

WORKER = "worker@here:1"
EACH = 10
"""Jobs in each state; three times as many are ready."""

SAMPLES = 50

READY = text("select id from stage_runs where job_id = any(:ids) and status = 'ready' order by id")
ANNOUNCED = text(
    "update stage_runs set announced_at = now(), announce_again_at = now() + cast(:again as interval)"
    " where job_id = any(:ids) and status = 'ready'"
)
LEASED = text("update stage_runs set lease_until = now() + cast(:left as interval) where job_id = any(:ids)")
COME_DUE = text("update jobs set not_before = now() - interval '1 second' where id = any(:ids)")
OF_BATCH = text("update jobs set batch_id = :batch where id = any(:ids)")
ALIVE = text(
    "insert into processes (id, role, queue, slots, host, pid, beat_at)"
    " select uuidv7(), role, queue, 100, 'here', 1, now() + interval '1 day'"
    " from unnest(cast(:queues as text[])) queue, unnest(array['worker', 'dispatcher', 'beat']) role"
)
# Spread over the whole table: neighbours would be read from the same pages.
SOME = text("select id from jobs where status = :status order by md5(id::text) limit :most")
OTHERS = text(
    "select document_id from jobs where status = 'succeeded' order by md5(id::text) offset :offset limit :most"
)

TRANSIENT = Problem(ErrorClass.TRANSIENT, "down", "it was away")
PATIENT = Policy(retry_seconds=3600.0)


@dataclass
class Live:
    """A client, the service's engines, and jobs by their state."""

    url: str
    client: Client = field(init=False)
    engine: Engine = field(init=False)
    announcing: Engine = field(init=False)
    finished: Sequence[uuid.UUID] = ()
    failed: Sequence[uuid.UUID] = ()
    documents: Sequence[uuid.UUID] = ()
    """Of others that have finished; they may be removed."""
    waiting: list[Job] = field(default_factory=list)
    running: list[Claim] = field(default_factory=list)
    last: list[Claim] = field(default_factory=list)
    """Of the stage that decides the outcome."""
    ready: Sequence[uuid.UUID] = ()

    def __post_init__(self) -> None:
        """Make them; they connect when they are used."""
        self.client = Client(self.url)
        self.engine = make_engine(self.url, ping=False)
        self.announcing = make_engine(self.url, pool_size=1, ping=False, options=PLAN_ONCE)

    def disconnect(self) -> None:
        """Close all connections; the next use opens new ones."""
        self.client.close()
        self.engine.dispose()
        self.announcing.dispose()

    def populate(self) -> None:
        """Bring jobs into every state, on top of the finished ones that are there."""
        self._run(ALIVE, queues=[queue.value for queue in Queue])
        waiting = [self._submit(f"ready {number}", collection=f"c{number % 10}") for number in range(3 * EACH)]
        self.waiting = waiting
        self._announced("announced", "1 day")
        self._announced("overdue", "-1 minute")
        self.running = self._leased("running", "1 day")
        self._leased("run out", "-1 minute")
        for claim in self._leased("tried again", "1 minute"):
            transact(self.engine, lambda c, held=claim: transitions.fail(c, held, TRANSIENT, policy=PATIENT))  # type: ignore[misc]
        self._several("held", delay=3600.0)
        self._run(COME_DUE, ids=[job.id for job in self._several("held until now", delay=3600.0)])
        self._several("ready 0", same=True)  # each behind a job of the same document
        for claim in self._leased("nearly over", "1 day"):
            transact(self.engine, lambda c, held=claim: transitions.succeed(c, held))  # type: ignore[misc]
            self.last += self._claim([claim.job_id])
        self._run(LEASED, left="1 day", ids=[claim.job_id for claim in self.last])
        self._run(OF_BATCH, batch=BATCH, ids=[claim.job_id for claim in self.running])

    def look_around(self) -> None:
        """Choose the finished jobs to be asked for; once the planner's statistics are there."""
        self.finished = self._ids(SOME, status="succeeded", most=SAMPLES)
        self.failed = self._ids(SOME, status="failed", most=SAMPLES)
        self.documents = self._ids(OTHERS, offset=SAMPLES, most=3 * SAMPLES)
        self.ready = self._ids(READY, ids=[job.id for job in self.waiting])

    def _several(self, word: str, *, same: bool = False, **wishes: float) -> list[Job]:
        return [
            self._submit(word if same else f"{word} {number}", collection=f"c{0 if same else number}", **wishes)
            for number in range(EACH)
        ]

    def _submit(self, words: str, *, collection: str, **wishes: float) -> Job:
        return self.client.submit(
            words.encode(),
            name=f"{words}.txt",
            collection=collection,
            notify=["https://example.org/hook/1"],
            delay=wishes.get("delay"),
        )

    def _announced(self, word: str, again: str) -> None:
        self._run(ANNOUNCED, again=again, ids=[job.id for job in self._several(word)])

    def _leased(self, word: str, left: str) -> list[Claim]:
        ids = [job.id for job in self._several(word)]
        claims = self._claim(ids)
        self._run(LEASED, left=left, ids=ids)
        return claims

    def _claim(self, job_ids: list[uuid.UUID]) -> list[Claim]:
        return [claim for stage in self._ids(READY, ids=job_ids) if (claim := self._claim_one(stage)) is not None]

    def _claim_one(self, stage: uuid.UUID) -> Claim | None:
        token = new_token()
        return transact(
            self.engine,
            lambda c: transitions.claim(c, stage, token=token, worker=WORKER, message_id="message", lease=60.0),
        )

    def _ids(self, statement: object, **values: object) -> Sequence[uuid.UUID]:
        def work(connection: Connection) -> Sequence[uuid.UUID]:
            return connection.scalars(statement, values).all()  # type: ignore[call-overload,no-any-return]

        return transact(self.engine, work)

    def _run(self, statement: object, **values: object) -> None:
        transact(self.engine, lambda c: c.execute(statement, values))  # type: ignore[call-overload]
