"""Jobs on one document run one after another."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from docrelay import Job
from docrelay.names import ErrorClass
from docrelay.transitions import Closing, cancel, release_followers, succeed
from docrelay.transitions.requests import LOCK_STAGES
from tests.transitions.service import Service, at_once, ready

OPEN = ["ready", "waiting", "waiting"]
SHUT = ["waiting", "waiting", "waiting"]


def test_the_second_waits_and_says_for_whom(service: Service) -> None:
    first, second = service.submit(b"same"), service.submit(b"same", priority=10)
    assert second.document.id == first.document.id
    assert service.statuses(second) == SHUT
    assert service.events(second)[0].detail["behind"] == str(first.id)
    assert service.job(second).waiting_because == "waits for an earlier job of the same document"


@pytest.mark.parametrize("end", ["succeed", "fail", "cancel", "quarantine"])
def test_however_the_first_ends_the_second_starts(service: Service, end: str) -> None:
    first, second, third = (service.submit(b"same", notify=["http://one.example/hook"]) for _ in range(3))
    if end == "succeed":
        service.finish(first)
    elif end == "cancel":
        service.cancel(first)
    elif end == "fail":
        service.fail(service.claim(first), ErrorClass.PERMANENT)
    else:
        service.fail(service.claim(first), ErrorClass.POISON)
        service.fail(service.claim(first), ErrorClass.POISON)
    assert service.statuses(second) == OPEN
    assert service.statuses(third) == SHUT
    service.finish(second)
    assert service.statuses(third) == OPEN


def test_cancelling_one_that_waits_lets_the_others_be(service: Service) -> None:
    first, second, third = (service.submit(b"same") for _ in range(3))
    assert service.cancel(second)
    assert service.statuses(first) == OPEN
    assert service.statuses(third) == SHUT
    service.finish(first)
    assert service.statuses(third) == OPEN


def test_one_that_is_tried_again_waits_for_its_turn(service: Service) -> None:
    first, second, third = (service.submit(b"same") for _ in range(3))
    service.succeed(service.claim(first))
    service.fail(service.claim(first), ErrorClass.PERMANENT)
    held = service.claim(second)
    assert service.retry(first)
    assert service.statuses(first) == ["succeeded", "waiting", "waiting"]
    service.fail(held, ErrorClass.PERMANENT)
    assert service.statuses(first) == ["succeeded", "ready", "waiting"]
    assert service.statuses(third) == SHUT
    service.finish(first)
    assert service.statuses(third) == OPEN


def test_other_documents_do_not_wait(service: Service) -> None:
    service.submit(b"same", collection="one")
    assert service.statuses(service.submit(b"same", collection="two")) == OPEN
    assert service.statuses(service.submit(b"other", collection="one")) == OPEN


def test_one_submitted_while_the_first_ends_is_not_forgotten(service: Service) -> None:
    """Neither sees the other's uncommitted rows, so the one must wait for the other."""
    first = service.submit(b"same")
    service.succeed(service.claim(first))
    held = service.claim(first)
    with ThreadPoolExecutor() as pool, service.engine.connect() as connection:
        second = service.submit(b"same", pipeline="extract", session=connection)
        ending = pool.submit(service.succeed, held)
        time.sleep(0.3)
        assert not ending.done()
        connection.commit()
        assert ending.result(10) is Closing.DONE
    assert service.statuses(second)[0] == "ready"


def test_one_submitted_just_after_the_first_ended_does_not_wait_for_it(service: Service) -> None:
    first = service.submit(b"same")
    service.succeed(service.claim(first))
    held = service.claim(first)
    with ThreadPoolExecutor() as pool, service.engine.connect() as connection:
        assert succeed(connection, held) is Closing.DONE
        submitting = pool.submit(service.submit, b"same", pipeline="extract")
        time.sleep(0.3)
        assert not submitting.done()
        connection.commit()
        assert submitting.result(10).stages[0].status == "ready"


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_cancelling_the_second_as_the_first_ends_holds_nobody_up(service: Service, ends: str) -> None:
    first, second, third = (service.submit(b"same", pipeline=name) for name in ("extract", "index", "extract"))
    held = service.claim(first)
    with service.engine.connect() as connection:
        # As far as a cancellation comes before it waits for the document.
        connection.execute(LOCK_STAGES, {"id": second.id})
        with ThreadPoolExecutor() as pool:
            assert pool.submit(service.succeed, held).result(5) is Closing.DONE
        assert (service.statuses(second)[0], service.statuses(third)[0]) == ("waiting", "waiting")
        assert cancel(connection, second.id)
        connection.commit() if ends == "commit" else connection.rollback()
    if ends == "rollback":  # what the sweep is for
        service.sql("update jobs set created_at = now() - interval '1 minute'")
        assert service.run(release_followers) == 1
        assert service.statuses(second)[0] == "ready"
    else:
        assert (service.status(second), service.statuses(third)[0]) == ("cancelled", "ready")


class Rush:
    """Submissions, ends, cancellations and retries of one document, all at once."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.jobs: list[Job] = []
        self.all_submitted = threading.Event()
        self.most_running = 0

    def submit(self) -> None:
        for pipeline in ("index", "extract") * 4:
            self.jobs += [self.service.submit(b"same", pipeline=pipeline)]

    def submit_all(self) -> None:
        results = at_once(self.submit, self.submit, self.submit)
        self.all_submitted.set()
        assert results == [None] * 3, results

    def cancel(self) -> None:
        while not self.all_submitted.wait(0.03):
            for job in self.jobs[-2:]:
                self.service.cancel(job)
                self.service.retry(job)

    def work(self) -> None:
        idle = 0
        while idle < 10:
            open_now = ready(self.service, self.jobs)
            idle = 0 if open_now or not self.all_submitted.is_set() else idle + 1
            for held in filter(None, map(self.service.try_claim, open_now)):
                (running,) = self.service.sql("select count(*) from stage_runs where status = 'running'")
                self.most_running = max(self.most_running, running["count"])
                self.service.succeed(held)


def test_nobody_is_forgotten_when_all_happens_at_once(service: Service) -> None:
    rush = Rush(service)
    results = at_once(rush.submit_all, rush.cancel, rush.work, rush.work)
    assert results == [None] * 4, results
    ends = {service.status(job) for job in rush.jobs}
    assert len(rush.jobs) == 24
    assert ends <= {"succeeded", "cancelled"}, [(service.status(job), service.statuses(job)) for job in rush.jobs]
    assert rush.most_running == 1
