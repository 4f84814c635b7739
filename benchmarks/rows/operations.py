"""What is asked of these tables: each by the function or statement that the service and its clients run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection

from app.alerts.rules import RULES, Rule
from app.brokers.publisher import Publisher
from app.dispatch import announce, sweep
from app.doctor.work import work as doctor_work
from app.errors import BrokerUnavailable
from app.leases import Lease
from app.quarantine.cases import select_cases
from app.quarantine.selection import Selection
from app.schedule import ledger
from benchmarks.rows.fill import FILLED, FILLED_IN
from benchmarks.rows.live import PATIENT, TRANSIENT, WORKER, Live
from config.notifications import AlertLimits
from docrelay import transitions
from docrelay.names import SCHEDULE_COLLECTION, UNFINISHED, Queue
from docrelay.transitions import deliveries, generations
from docrelay.transitions.claims import new_token
from docrelay.transitions.rescue import release_held
from docrelay.watching import MARKS
from tasks.recurring.digest import _gather
from tasks.recurring.retry_failed import CHOSEN
from tasks.turn import WAITING

Run = Callable[[Live, int], object]
"""Do it once; the number says which time it is."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that is asked, over and over."""

    name: str
    run: Run
    grows_because: str = ""
    """Why it may grow with the tables; without a reason it must not."""


class _NoBroker:
    """A broker that is away: what was announced is taken back, so that each round finds the same."""

    def publish_many(self, messages: object) -> None:
        raise BrokerUnavailable("there is none here")


def operations() -> Iterator[Operation]:
    """All of them."""
    yield from _clients()
    yield from _dispatcher()
    yield from _workers()
    yield from _people()


def undone(work: Callable[[Connection, Live, int], object]) -> Run:
    """Work in a transaction of the service that is rolled back: what it finds, it finds again."""

    def run(live: Live, number: int) -> None:
        with live.engine.connect() as connection:
            work(connection, live, number)
            connection.rollback()

    return run


def _clients() -> Iterator[Operation]:
    yield Operation("get, finished", lambda live, n: live.client.get(_turn(live.finished, n)))
    yield Operation("get, queued", lambda live, n: live.client.get(_turn(live.waiting, n).id))
    yield Operation("get, running", lambda live, n: live.client.get(_turn(live.running, n).job_id))
    yield Operation("events", lambda live, n: live.client.events(_turn(live.finished, n)))
    yield Operation("jobs, newest", lambda live, n: live.client.jobs())
    yield Operation("jobs, of a collection", lambda live, n: live.client.jobs(collection="c0"))
    yield Operation("jobs, failed", lambda live, n: live.client.jobs(status="failed"))
    yield Operation("jobs, failed of a collection", lambda live, n: live.client.jobs(status="failed", collection="c0"))
    yield Operation("jobs, quarantined", lambda live, n: live.client.jobs(status="quarantined"))
    yield Operation("jobs, without an outcome", lambda live, n: live.client.jobs(status=UNFINISHED))
    yield Operation("jobs, … of a collection", lambda live, n: live.client.jobs(status=UNFINISHED, collection="c0"))
    yield Operation("jobs, by id", lambda live, n: live.client.jobs(ids=list(live.finished)))
    yield Operation("watch, a look at 50", undone(lambda c, live, n: c.execute(MARKS, {"ids": list(live.finished)})))
    yield Operation("submit", _submit(lambda n: f"new {n}"))
    yield Operation("submit, the same again", undone(_submit_again))
    yield Operation("submit, at most so many", _submit(lambda n: f"newer {n}", max_unfinished=100_000))
    yield Operation("cancel", undone(lambda c, live, n: transitions.cancel(c, _turn(live.waiting, n).id)))
    yield Operation("retry", undone(lambda c, live, n: transitions.retry(c, _turn(live.failed, n))))
    yield Operation("deliveries of a job", lambda live, n: live.client.deliveries(job_id=_turn(live.finished, n)))
    yield Operation("delete", lambda live, n: live.client.delete(live.documents[n]))


def _submit(words: Callable[[int], str], **wishes: Any) -> Run:
    return undone(
        lambda connection, live, n: live.client.submit(
            words(n).encode(), name="a.txt", session=connection, **{"collection": f"c{n % 10}", **wishes}
        )
    )


def _submit_again(connection: Connection, live: Live, _: int) -> None:
    if not live.client.submit(FILLED, name="a.txt", collection=FILLED_IN, session=connection).same_as:
        raise RuntimeError("the document was not there")


def _dispatcher() -> Iterator[Operation]:
    yield Operation("dispatcher: a round", _round)
    yield Operation("dispatcher: held jobs", undone(lambda c, live, n: release_held(c)))
    yield Operation(
        "dispatcher: direct notifications", undone(lambda c, *_: deliveries.take_direct(c, most=8, lease=60))
    )
    yield Operation(
        "dispatcher: generations", undone(lambda c, *_: (generations.generations(c), generations.jobs_open(c)))
    )
    yield Operation("sweep: its transaction", undone(lambda c, live, n: _sweep(live)._rows(c)))  # noqa: SLF001
    yield Operation("sweep: announcements", undone(_again))
    yield Operation("Beat: runs that are over", undone(lambda c, live, n: (ledger.settle(c), ledger.overdue(c))))
    for rule in RULES:
        yield Operation(f"alert: {rule.__name__}", undone(_rule(rule)))


def _round(live: Live, _: int) -> None:
    try:
        announce.Announcer(live.announcing, cast("Publisher", _NoBroker()), again_seconds=30.0).round()
    except BrokerUnavailable:
        return
    raise RuntimeError("nothing was to be announced")


def _sweep(live: Live) -> sweep.Sweep:
    return sweep.Sweep(live.engine, cast("Publisher", None), PATIENT)


def _again(connection: Connection, _live: Live, _number: int) -> None:
    for queue in Queue:
        connection.execute(sweep.UNCLAIMED, {"queue": queue})
        connection.execute(sweep.AGAIN, {"queue": queue, "most": 10, "who": "dispatcher@here:1"})


def _rule(rule: Rule) -> Callable[[Connection, Live, int], object]:
    return lambda connection, _live, _number: list(rule(connection, AlertLimits()))


def _workers() -> Iterator[Operation]:
    yield Operation("worker: claim", undone(_claim))
    yield Operation("worker: renew ten leases", undone(_renew))
    yield Operation("worker: close a stage", undone(lambda c, live, n: transitions.succeed(c, _turn(live.running, n))))
    yield Operation("worker: close a job", undone(lambda c, live, n: transitions.succeed(c, _turn(live.last, n))))
    yield Operation("worker: fail, to be tried again", undone(_fail))
    yield Operation("worker: who waits for its slot", undone(lambda c, *_: c.execute(WAITING, {"queue": Queue.PARSE})))


def _claim(connection: Connection, live: Live, number: int) -> None:
    stage = _turn(live.ready, number)
    if not transitions.claim(connection, stage, token=new_token(), worker=WORKER, message_id="m", lease=30.0):
        raise RuntimeError("nothing was to be claimed")


def _renew(connection: Connection, live: Live, _number: int) -> None:
    for claim in live.running:
        Lease(claim).renew(connection, 30.0)


def _fail(connection: Connection, live: Live, number: int) -> None:
    transitions.fail(connection, _turn(live.running, number), TRANSIENT, policy=PATIENT)


def _people() -> Iterator[Operation]:
    yield Operation("doctor: work", undone(lambda c, live, n: list(doctor_work(c))))
    yield Operation("quarantine list", undone(lambda c, live, n: select_cases(c, Selection())))
    yield Operation("deliveries, newest", lambda live, n: live.client.deliveries())
    yield Operation("deliveries, given up", lambda live, n: live.client.deliveries(status="failed"))
    yield Operation(
        "jobs, of a pipeline without any",
        lambda live, n: live.client.jobs(pipeline="extract"),
        "goes through all jobs from the newest on until it has enough; somebody asks for it by hand",
    )
    yield Operation(
        "collections", lambda live, n: live.client.collections(), "counts all documents; somebody asks for it by hand"
    )
    yield Operation("task: retry-failed", undone(_retry_failed), "looks at all that failed; once a day, say")
    yield Operation("task: digest", undone(_digest), "adds up a day and all documents; once a day, say")


def _retry_failed(connection: Connection, _live: Live, _number: int) -> None:
    nothing = dict.fromkeys(("error_class", "code", "stage", "younger_than", "older_than"))
    values = {
        "status": ["failed"],
        "like": "%",
        "ours": SCHEDULE_COLLECTION,
        "who": "schedule",
        "times": 3,
        "most": 1000,
    }
    connection.execute(CHOSEN, {**values, **nothing}).all()


def _digest(connection: Connection, _live: Live, _number: int) -> None:
    values = {"until": datetime.now(UTC), "period": timedelta(days=1), "ours": SCHEDULE_COLLECTION}
    _gather(connection, values)


def _turn(values: Any, number: int) -> Any:
    return values[number % len(values)]
