"""The service's moves on one job, each in a transaction of its own, without processes or a broker."""

import itertools
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, text

from docrelay import Client, Event, Job, transitions
from docrelay.database import transact
from docrelay.names import AttemptOutcome, ErrorClass, JobStatus
from docrelay.transitions import Claim, Closing, Policy, Problem
from docrelay.transitions.claims import new_token

Row = dict[str, Any]
POLICY = Policy(max_failures=3, max_strikes=2, max_losses=3, retry_seconds=8.0)
WORKER = "worker@here:1"
SWEEPER = "dispatcher@here:2"


class Service:
    """Moves and looks; a claim's worker is WORKER unless said otherwise."""

    def __init__(self, engine: Engine, client: Client) -> None:
        self.engine = engine
        self.client = client
        self._numbers = itertools.count(1)

    def run(self, work: Callable[[Connection], Any]) -> Any:
        return transact(self.engine, work)

    def sql(self, statement: str, **values: Any) -> list[Row]:
        def work(connection: Connection) -> list[Row]:
            result = connection.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

        return transact(self.engine, work)

    # -- moves

    def submit(self, data: bytes | None = None, **wishes: Any) -> Job:
        """A job of a document that nobody else has, unless `data` is given."""
        data = data if data is not None else f"text {next(self._numbers)}".encode()
        return self.client.submit(data, **{"name": "a.txt", **wishes})

    def try_claim(
        self, stage_run_id: uuid.UUID, *, token: int | None = None, worker: str = WORKER, lease: float = 30
    ) -> Claim | None:
        def work(connection: Connection) -> Claim | None:
            return transitions.claim(
                connection, stage_run_id, token=drawn, worker=worker, message_id="message", lease=lease
            )

        drawn = token or new_token()
        return transact(self.engine, work)

    def claim(self, job: Job, **options: Any) -> Claim:
        """The job's ready stage, whenever it is due."""
        (row,) = self.sql(
            "update stage_runs set due_at = least(due_at, now()) where job_id = :id and status = 'ready' returning id",
            id=job.id,
        )
        held = self.try_claim(row["id"], **options)
        assert held is not None
        return held

    def beat(self, held: Claim, **progress: Any) -> bool:
        return bool(self.run(lambda c: transitions.beat(c, held, **{"lease": 30, **progress})))

    def succeed(self, held: Claim, result: Row | None = None, job_status: JobStatus = JobStatus.SUCCEEDED) -> Closing:
        return Closing(self.run(lambda c: transitions.succeed(c, held, result, job_status=job_status)))

    def fail(
        self,
        held: Claim,
        error_class: ErrorClass = ErrorClass.TRANSIENT,
        outcome: AttemptOutcome = AttemptOutcome.FAILED,
    ) -> bool:
        problem = Problem(error_class, "code", "it broke", "Traceback …")
        return bool(self.run(lambda c: transitions.fail(c, held, problem, outcome=outcome, policy=POLICY)))

    def give_back(self, held: Claim) -> bool:
        return bool(self.run(lambda c: transitions.give_back(c, held, "the worker stops")))

    def cancel(self, job: Job) -> bool:
        return bool(self.run(lambda c: transitions.cancel(c, job.id)))

    def retry(self, job: Job, from_stage: str | None = None) -> bool:
        return bool(self.run(lambda c: transitions.retry(c, job.id, from_stage=from_stage)))

    def expire(self) -> int:
        return int(self.run(lambda c: transitions.expire_leases(c, who=SWEEPER, policy=POLICY)))

    def lose(self, held: Claim) -> None:
        """The worker vanishes, and the sweep finds out."""
        self.sql("update stage_runs set lease_until = now() - interval '1 second' where id = :id", id=held.stage_run_id)
        assert self.expire() == 1

    def finish(self, job: Job, **wishes: Any) -> None:
        """Bring an open job to its end, stage by stage."""
        while self.status(job) in ("queued", "running"):
            self.succeed(self.claim(job, **wishes))

    # -- looks

    def job(self, job: Job) -> Job:
        return self.client.get(job.id)

    def status(self, job: Job) -> str:
        return self.job(job).status.value

    def statuses(self, job: Job) -> list[str]:
        """Of the stages, in order."""
        return [stage.status.value for stage in self.job(job).stages]

    def stage(self, job: Job, name: str = "parse") -> Row:
        (row,) = self.sql("select *, now() as now from stage_runs where job_id = :id and stage = :n", id=job.id, n=name)
        return row

    def attempts(self, job: Job) -> list[Row]:
        return self.sql(
            "select a.*, s.stage from attempts a join stage_runs s on s.id = a.stage_run_id "
            "where s.job_id = :id order by s.position, a.number",
            id=job.id,
        )

    def outcomes(self, job: Job) -> list[str | None]:
        """Of the attempts, in order."""
        return [row["outcome"] for row in self.attempts(job)]

    def events(self, job: Job) -> list[Event]:
        return self.client.events(job.id)

    def kinds(self, job: Job) -> list[str]:
        """Of the events, oldest first."""
        return [event.kind for event in self.events(job)]

    def deliveries(self, job: Job) -> list[Row]:
        return self.sql("select * from deliveries where job_id = :id order by id", id=job.id)


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Results of functions that start at one moment, each in a thread; exceptions are results too."""
    start = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(number: int, work: Callable[[], Any]) -> None:
        start.wait(10)
        try:
            results[number] = work()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[number] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return results


def ready(service: Service, jobs: Sequence[Job]) -> list[uuid.UUID]:
    """The stage runs of these jobs that may be claimed."""
    rows = service.sql(
        "select id from stage_runs where job_id = any(:ids) and status = 'ready' and not after_outcome order by id",
        ids=[job.id for job in jobs],
    )
    return [row["id"] for row in rows]
