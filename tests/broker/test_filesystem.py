"""The embedded broker under real workers: nothing lost, nothing twice, Flower's channels work."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from celery import Celery
from kombu import Connection

from app.brokers.publisher import Publisher
from app.brokers.spool import PASSING_SECONDS
from app.brokers.topology import QueueState, declare, queue_state
from docrelay.names import Queue
from tests.broker.conftest import Worker, announcement, stop, wait_until
from tests.broker.test_spool import grow_old

TASKS = 3_000


def waiting_files(folder: Path) -> list[Path]:
    return [path for path in (folder / "queues").rglob("*") if path.is_file() and path.name != ".seen"]


def test_three_workers_share_three_thousand_tasks(
    files_url: str, files_app: Celery, start_worker: Callable[..., Worker], tmp_path: Path
) -> None:
    workers = [start_worker(files_url, f"w{number}") for number in range(3)]
    for worker in workers:
        worker.wait_ready()
    started = time.monotonic()
    with Publisher(files_app) as publisher:
        for first in range(0, TASKS, 100):
            publisher.publish_many([announcement(first + number) for number in range(100)])
    wait_until(lambda: len(workers[0].done()) >= TASKS, lambda: len(workers[0].done()), seconds=60)
    print(f"{TASKS / (time.monotonic() - started):.0f} tasks/s")  # noqa: T201 - a measurement, seen with -rP
    stop(workers)
    assert Counter(workers[0].done()) == Counter(announcement(number).task_id for number in range(TASKS))
    for worker in workers:
        assert " succeeded in " in worker.log
        assert not [word for word in ("ERROR", "CRITICAL", "Traceback") if word in worker.log], worker.log
    assert waiting_files(tmp_path / "broker") == []


def test_events_and_remote_control_work(files_url: str, files_app: Celery, start_worker: Callable[..., Worker]) -> None:
    workers = [start_worker(files_url, name) for name in ("a", "b")]
    for worker in workers:
        worker.wait_ready()
    seen: list[tuple[str, str, str]] = []

    def keep(event: dict[str, str]) -> None:
        seen.append((event["type"], event.get("root_id") or "", event.get("parent_id") or ""))

    with receiving(files_app, keep) as connection, Publisher(files_app) as publisher:
        publisher.publish_many([announcement()])
        wait_until(lambda: drained(connection) and seen and seen[-1][0] == "task-succeeded", lambda: seen)
    assert ("task-sent", "root", "parent") in seen
    assert ("task-received", "root", "parent") in seen
    assert set(files_app.control.inspect(timeout=5, limit=2).ping() or {}) == {"a@test", "b@test"}


@contextmanager
def receiving(app: Celery, keep: Callable[[dict[str, str]], None]) -> Iterator[Connection]:
    """What Flower does: a passing queue, bound to all events."""
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": keep})
        with receiver.consumer_context(wakeup=False) as (consuming, _channel, _consumers):
            yield consuming


def drained(connection: Connection) -> bool:
    with suppress(TimeoutError):
        connection.drain_events(timeout=0.2)
    return True


def test_a_killed_flower_leaves_nothing_for_long(files_app: Celery, tmp_path: Path) -> None:
    broker = tmp_path / "broker"
    with receiving(files_app, lambda _event: None) as connection, Publisher(files_app) as publisher:
        publisher.publish_many([announcement(number) for number in range(20)])
        assert len(waiting_files(broker)) == 21
        # Killed: it neither reads nor says goodbye.
        for seen in (broker / "queues").rglob(".seen"):
            grow_old(seen)
        publisher.publish_many([announcement(21)])
        assert len(waiting_files(broker)) == 21
        assert queue_state(connection, Queue.PARSE) == QueueState(21, None)


def test_a_flower_that_slept_is_bound_again(files_app: Celery, tmp_path: Path) -> None:
    got: list[str] = []
    with (
        receiving(files_app, lambda event: got.append(event["type"])) as connection,
        Publisher(files_app) as publisher,
    ):
        (seen,) = (tmp_path / "broker" / "queues").rglob(".seen")
        grow_old(seen)
        publisher.publish_many([announcement(1)])
        assert not seen.exists()
        for channel in connection.transport.channels:
            channel._looked.clear()  # so much time has passed
        drained(connection)
        publisher.publish_many([announcement(2)])
        wait_until(lambda: drained(connection) and got == ["task-sent"], lambda: got, seconds=10)
    assert PASSING_SECONDS > 30, "a laptop's short sleep, or a long pause of Flower, must not cost its queue"


def test_an_idle_worker_takes_a_message_at_once(
    files_url: str, files_app: Celery, start_worker: Callable[..., Worker]
) -> None:
    worker = start_worker(files_url)
    worker.wait_ready()
    waits = []
    with Publisher(files_app) as publisher:
        for number in range(20):
            started = time.monotonic()
            publisher.publish_many([announcement(number)])
            while len(worker.done()) <= number:
                time.sleep(0.002)
                assert time.monotonic() < started + 10, worker.log
            waits.append(time.monotonic() - started)
    assert sorted(waits)[10] < 0.15, waits


def test_a_message_given_back_at_shutdown_is_kept(files_app: Celery) -> None:
    with Publisher(files_app) as publisher:
        publisher.publish_many([announcement()])
    with files_app.connection_for_read() as connection:
        assert connection.channel().basic_get(Queue.PARSE.value) is not None
        assert queue_state(connection, Queue.PARSE).messages == 0
    with files_app.connection_for_read() as connection:
        assert queue_state(connection, Queue.PARSE).messages == 1


def test_a_foreign_file_is_passed_over(files_app: Celery, tmp_path: Path) -> None:
    with Publisher(files_app) as publisher:
        publisher.publish_many([announcement()])
    folder = tmp_path / "broker" / "queues" / Queue.PARSE.value
    (folder / "0").write_text("[1, 2")
    with files_app.connection_for_read() as connection:
        message = connection.channel().basic_get(Queue.PARSE.value)
        assert message is not None
        assert message.headers["id"] == announcement().task_id
        message.ack()


def test_there_is_nothing_to_declare(files_url: str) -> None:
    assert declare(files_url, "") == ["broker: a folder, nothing to declare"]
