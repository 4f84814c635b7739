"""What clients ask for: cancelling, and trying again."""

import random
import time
from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, insert

from docrelay import Job, transitions
from docrelay.names import ErrorClass, JobStatus
from docrelay.tables import Page
from docrelay.transitions import Claim, Closing
from tests.transitions.service import Service, at_once

HOOK = "http://one.example/hook"


class TestCancel:
    def test_a_queued_job_ends_at_once(self, service: Service) -> None:
        job = service.submit()
        assert service.cancel(job)
        assert service.status(job) == "cancelled"
        assert service.statuses(job) == ["cancelled", "cancelled", "skipped"]
        assert service.try_claim(service.stage(job)["id"]) is None
        assert (service.events(job)[-1].kind, service.events(job)[-1].who) == ("job cancelled", "client")

    def test_a_running_job_loses_its_lease(self, service: Service) -> None:
        job = service.submit()
        held = service.claim(job)
        assert service.cancel(job)
        row = service.stage(job)
        assert (row["status"], row["lease_token"]) == ("cancelled", None)
        assert service.outcomes(job) == ["cancelled"]
        assert not service.beat(held)
        assert service.succeed(held) is Closing.LOST

    def test_a_finished_job_stays_as_it_is(self, service: Service) -> None:
        job = service.submit(notify=[HOOK])
        service.finish(job)
        held = service.claim(job)
        assert not service.cancel(job)
        assert service.status(job) == "succeeded"
        assert service.beat(held)  # its notifications are still sent

    @pytest.mark.parametrize("stage", ["parse", "vectorize"])
    @pytest.mark.parametrize("round_", range(6))
    def test_against_success_there_is_one_outcome(self, service: Service, stage: str, round_: int) -> None:
        job = service.submit(notify=[HOOK])
        held = service.claim(job)
        if stage == "vectorize":
            service.succeed(held)
            held = service.claim(job)
        closing, cancelled = at_once(lambda: service.succeed(held), lambda: service.cancel(job))
        last = stage == "vectorize"
        assert (closing, cancelled) in [(Closing.DONE, not last), (Closing.LOST, True)]
        assert service.status(job) == ("cancelled" if cancelled else "succeeded")
        assert len(service.deliveries(job)) == 1
        assert [kind for kind in service.kinds(job) if kind.startswith("job ")] == [f"job {service.status(job)}"]
        assert "running" not in service.statuses(job)
        assert "waiting" not in service.statuses(job)

    def test_two_hundred_races_have_one_outcome_each(self, service: Service) -> None:
        """Against success and failure, in the first stage and the last; what a loser would write is not there."""
        outcomes: Counter[str] = Counter()
        for number in range(50):
            jobs = [service.submit() for _ in range(4)]
            held = [service.claim(job) for job in jobs]
            if number % 2:
                for each in held:
                    service.succeed(each)
                held = [service.claim(job) for job in jobs]
            dice = random.Random(number)
            closes = [_closing(service, each, dice.random() * 0.008, fails=at == 3) for at, each in enumerate(held)]
            cancels = [_cancelling(service, job, dice.random() * 0.008) for job in jobs]
            results = at_once(*closes, *cancels)
            assert [result for result in results if isinstance(result, Exception)] == []
            for job, each, closed, cancelled in zip(jobs, held, results[:4], results[4:], strict=True):
                _check_race(service, job, each, closed=closed, cancelled=cancelled)
                outcomes[service.status(job)] += 1
        # Each has won some, else they never met.
        assert sum(outcomes.values()) == 200
        assert outcomes["cancelled"] > 20
        assert outcomes["succeeded"] + outcomes["failed"] > 20


def _check_race(service: Service, job: Job, held: Claim, *, closed: bool, cancelled: bool) -> None:
    status = service.status(job)
    assert (status == "cancelled") == cancelled
    assert closed or cancelled
    assert len([kind for kind in service.kinds(job) if kind.startswith("job ")]) == 1
    assert not {"running", "ready", "waiting"} & set(service.statuses(job))
    (attempt,) = [each for each in service.attempts(job) if each["token"] == held.token]
    assert (attempt["outcome"] == "cancelled") != closed
    pages = service.sql("select 1 from pages where document_id = :id", id=held.document_id)
    assert len(pages) == (attempt["outcome"] == "succeeded")


def _closing(service: Service, held: Claim, pause: float, *, fails: bool) -> Callable[[], bool]:
    """Does what a worker does at the end: closes the stage and writes its effects, in one transaction."""

    def succeed(connection: Connection) -> bool:
        if transitions.succeed(connection, held) is not Closing.DONE:
            return False
        connection.execute(insert(Page).values(document_id=held.document_id, number=1, text="text"))
        return True

    def close() -> bool:
        time.sleep(pause)
        return service.fail(held, ErrorClass.PERMANENT) if fails else bool(service.run(succeed))

    return close


def _cancelling(service: Service, job: Job, pause: float) -> Callable[[], bool]:
    def cancel() -> bool:
        time.sleep(pause)
        return service.cancel(job)

    return cancel


class TestRetry:
    def test_goes_on_with_the_stage_that_failed(self, service: Service) -> None:
        job = service.submit()
        service.succeed(service.claim(job), {"pages": 2})
        service.fail(service.claim(job), ErrorClass.PERMANENT)
        assert service.retry(job)
        assert service.statuses(job) == ["succeeded", "ready", "waiting"]
        again = service.job(job)
        assert (again.status, again.error, again.finished_at) == ("queued", None, None)
        assert again.stages[0].result == {"pages": 2}
        assert again.stages[1].failures == 0
        event = service.events(job)[-1]
        assert (event.kind, event.who) == ("retry asked for", "client")
        held = service.claim(job)
        assert held.attempt == 2
        service.succeed(held)
        assert service.status(job) == "succeeded"
        assert [a["outcome"] for a in service.attempts(job) if a["stage"] == "vectorize"] == ["failed", "succeeded"]

    def test_goes_back_further_when_asked(self, service: Service) -> None:
        job = service.submit()
        service.succeed(service.claim(job), {"pages": 2})
        service.fail(service.claim(job), ErrorClass.PERMANENT)
        assert service.retry(job, "parse")
        assert service.statuses(job) == ["ready", "waiting", "waiting"]
        assert service.job(job).stages[0].result is None

    @pytest.mark.parametrize("from_stage", ["vectorize", "notify"])
    def test_never_skips_what_has_not_succeeded(self, service: Service, from_stage: str) -> None:
        job = service.submit(notify=[HOOK])
        service.fail(service.claim(job), ErrorClass.PERMANENT)
        assert service.retry(job, from_stage)
        assert service.statuses(job) == ["ready", "waiting", "waiting"]

    @pytest.mark.parametrize(("end", "position"), [("no_text", 0), ("partial", 0), ("partial", 1)])
    def test_begins_where_something_was_missing(self, service: Service, end: str, position: int) -> None:
        job = service.submit()
        for _ in range(position):
            service.succeed(service.claim(job))
        service.succeed(service.claim(job), job_status=JobStatus(end))
        if service.status(job) == "running":
            service.succeed(service.claim(job))
        assert service.status(job) == end
        assert service.retry(job)
        assert service.statuses(job)[position] == "ready"
        service.finish(job)
        assert service.status(job) == "succeeded"

    def test_of_a_job_that_was_answered_computes_it(self, service: Service) -> None:
        first = service.submit(b"the same")
        service.succeed(service.claim(first), job_status=JobStatus.NO_TEXT)
        again = service.submit(b"the same")
        assert again.same_as == first.id
        assert service.retry(again)
        assert service.job(again).same_as is None
        service.finish(again)
        assert service.status(again) == "succeeded"

    @pytest.mark.parametrize("end", ["queued", "running", "succeeded"])
    def test_is_for_what_ended_badly(self, service: Service, end: str) -> None:
        job = service.submit()
        if end == "running":
            service.claim(job)
        if end == "succeeded":
            service.finish(job)
        before = service.statuses(job)
        assert not service.retry(job)
        assert service.status(job) == end
        assert service.statuses(job) == before

    @pytest.mark.parametrize("running", [False, True])
    def test_of_a_cancelled_job(self, service: Service, running: bool) -> None:
        job = service.submit()
        if running:
            service.claim(job)
        service.cancel(job)
        assert service.retry(job)
        service.finish(job)
        assert service.status(job) == "succeeded"

    @pytest.mark.parametrize("sending", ["ready", "running", "postponed", "succeeded"])
    def test_while_the_first_outcome_is_being_told(self, service: Service, sending: str) -> None:
        job = service.submit(notify=[HOOK])
        service.fail(service.claim(job), ErrorClass.PERMANENT)
        held = None if sending == "ready" else service.claim(job)
        if held and sending == "postponed":
            service.fail(held)
        if held and sending == "succeeded":
            service.succeed(held)
        assert service.retry(job)
        assert service.statuses(job) == ["ready", "waiting", "waiting"]
        if held:
            assert not service.beat(held)
            assert None not in service.outcomes(job)
        service.finish(job)
        assert service.statuses(job) == ["succeeded", "succeeded", "ready"]
        assert [row["event"] for row in service.deliveries(job)] == ["job.failed", "job.succeeded"]
        service.succeed(service.claim(job))
        assert service.statuses(job)[-1] == "succeeded"

    def test_twice_at_once_happens_once(self, service: Service) -> None:
        job = service.submit()
        service.cancel(job)
        results = at_once(*[lambda: service.retry(job)] * 4)
        assert sorted(results) == [False, False, False, True]
        assert service.kinds(job).count("retry asked for") == 1
