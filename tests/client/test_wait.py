"""Waiting for jobs and watching them: pushed, healed when the connection breaks, never without an end."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from docrelay import Client, JobFailed, NotFound, WaitTimeout
from docrelay import watching as module
from docrelay.changes import Listener
from docrelay.names import Channel, ErrorClass
from tests.transitions.service import Service, at_once


@contextmanager
def soon(work: Callable[[], object], seconds: float = 0.3) -> Iterator[None]:
    """Do it in a thread while the block runs."""
    timer = threading.Timer(seconds, work)
    timer.start()
    yield
    timer.join(10)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a push nothing is seen for half a minute."""
    monkeypatch.setattr(module, "LOOK_SECONDS", 30.0)


def test_the_outcome_is_pushed(client: Client, service: Service, patient: None) -> None:
    job = client.submit(b"hello")
    started = time.monotonic()
    with soon(lambda: service.finish(job)):
        done = client.wait(job.id, timeout=20)
    assert done.ok
    assert done.seconds is not None
    assert time.monotonic() - started < 5


def test_every_kind_of_change_is_pushed(client: Client, service: Service, patient: None) -> None:
    job = client.submit(b"hello")
    seen = client.watch(job.id, timeout=20)

    def after(change: Callable[[], object]) -> tuple[str, str, int | None]:
        with soon(change, 0.1):
            now = next(seen)
        return now.status.value, now.stages[0].status.value, now.stages[0].done

    assert next(seen).status == "queued"
    held = service.claim(job)
    assert next(seen).status == "running"
    assert after(lambda: service.beat(held, done=3, total=4)) == ("running", "running", 3)
    assert after(lambda: service.fail(held)) == ("running", "ready", 3)
    again = service.claim(job)
    assert next(seen).stages[0].attempt == 2
    assert after(lambda: service.give_back(again))[1] == "ready"
    lost = service.claim(job)
    assert next(seen).stages[0].attempt == 3
    assert after(lambda: service.lose(lost))[1] == "ready"
    assert after(lambda: service.cancel(job))[0] == "cancelled"
    assert list(seen) == []


def test_watching_survives_the_loss_of_its_connection(client: Client, service: Service, patient: None) -> None:
    job = client.submit(b"hello")
    seen = client.watch(job.id, timeout=30)
    next(seen)

    def cut() -> None:
        (row,) = service.sql(
            "select count(pg_terminate_backend(pid)) as cut from pg_stat_activity "
            "where application_name = 'docrelay watch' and datname = current_database()"
        )
        assert row["cut"] == 1
        time.sleep(1)
        service.claim(job)

    with soon(cut):
        assert next(seen).status == "running"
    with soon(lambda: service.cancel(job)):
        assert next(seen).status == "cancelled"


def test_a_listener_says_that_it_may_have_missed_something(url: str, service: Service) -> None:
    with Listener(url, Channel.JOB, Channel.READY) as listener:
        job = service.submit()
        assert (Channel.READY, "docrelay.parse") in listener.wait(5)
        service.cancel(job)
        assert (Channel.JOB, str(job.id)) in listener.wait(5)
        service.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'docrelay listen'")
        assert listener.wait(5) == []
        assert listener.wait(5) == [("", "")]
        assert listener.wait(0.05) == []


def test_a_job_that_ends_badly_is_raised_with_the_job(client: Client, service: Service) -> None:
    job = client.submit(b"hello", name="hello.txt")
    service.fail(service.claim(job), ErrorClass.PERMANENT)
    with pytest.raises(JobFailed) as error:
        client.wait(job.id)
    assert error.value.job == client.get(job.id)
    assert str(error.value) == f"job {job.id} (hello.txt) failed in parse: it broke"
    other = client.submit(b"other")
    client.cancel(other.id)
    with pytest.raises(JobFailed, match="cancelled"):
        client.wait(other.id)


@pytest.mark.parametrize("timeout", [0, 0.5])
def test_time_that_is_up_is_raised_with_the_job(client: Client, timeout: float) -> None:
    job = client.submit(b"hello", name="hello.txt")
    started = time.monotonic()
    with pytest.raises(WaitTimeout, match=rf"\(hello.txt\) is still queued after {timeout} s") as error:
        client.wait(job.id, timeout=timeout)
    assert timeout <= time.monotonic() - started < timeout + 2
    assert error.value.job.id == job.id
    assert [seen.id for seen in client.watch(job.id, timeout=timeout)] == [job.id]


def test_a_job_that_is_not_there(client: Client) -> None:
    for method in (client.get, client.wait, client.events, client.cancel, client.retry, client.delete):
        with pytest.raises(NotFound):
            method(uuid.uuid4())
        with pytest.raises(NotFound, match="'nonsense' is not an id; expected a UUID"):
            method("nonsense")


def test_a_client_may_be_shared_between_threads(client: Client, service: Service) -> None:
    jobs = [client.submit(f"text {n}".encode()) for n in range(5)]
    waits = [partial(client.wait, job.id, timeout=20) for job in jobs]
    results = at_once(*waits, *[partial(service.finish, job) for job in jobs])
    assert [result.id for result in results[: len(jobs)]] == [job.id for job in jobs]


def test_thousands_of_watchers_share_one_connection(url: str, service: Service, patient: None) -> None:
    """And each sees its own job's changes, soon."""
    clients = [Client(url) for _ in range(3)]
    jobs = [service.submit() for _ in range(20)]
    waits = [partial(clients[n % 3].wait, jobs[n % 20].id, timeout=60) for n in range(400)]
    counted: list[int] = []

    def finish() -> None:
        time.sleep(1)
        rows = service.sql(
            "select pid from pg_stat_activity "
            "where application_name = 'docrelay watch' and datname = current_database()"
        )
        counted.append(len(rows))
        for job in jobs:
            service.finish(job)

    results = at_once(*waits, finish)
    assert [result.id for result in results[:400]] == [jobs[n % 20].id for n in range(400)]
    assert counted == [1]
    for client in clients:
        client.close()
    assert not module._hubs, "the connection is closed with the last watcher"


def test_a_change_is_seen_at_once(client: Client, service: Service, patient: None) -> None:
    """Well under 100 ms from the commit, in the middle of several; here with room for a slow machine."""
    job = client.submit(b"hello")
    seen = client.watch(job.id, timeout=30)
    next(seen)
    held = service.claim(job)
    next(seen)
    took = []
    for done in range(1, 12):
        service.beat(held, done=done, total=20)
        begun = time.monotonic()
        assert next(seen).stages[0].done == done
        took.append(time.monotonic() - begun)
    assert sorted(took)[len(took) // 2] < 0.1


def test_what_was_never_notified_is_found_by_looking(
    client: Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may die between its commit and its notification; with many watched, only what changed is read."""
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.3)
    monkeypatch.setattr(module, "FEW", 0)
    job = client.submit(b"hello")
    seen = client.watch(job.id, timeout=30)
    next(seen)
    service.sql("update jobs set status = 'cancelled', finished_at = now() where id = :id", id=job.id)
    assert next(seen).status == "cancelled"


def test_a_job_that_is_deleted_is_not_waited_for(client: Client, service: Service, patient: None) -> None:
    job = client.submit(b"hello")
    with soon(lambda: client.delete(job.document.id)), pytest.raises(NotFound):
        client.wait(job.id, timeout=20)
