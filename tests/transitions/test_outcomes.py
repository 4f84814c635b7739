"""How attempts end, and what that means for the stage and its job."""

import json
from datetime import timedelta
from itertools import pairwise

import pytest

from docrelay.names import AttemptOutcome, ErrorClass, JobStatus
from docrelay.transitions import Closing, Policy, Problem, fail, postpone, succeed
from tests.transitions.service import POLICY, WORKER, Service


def test_success_opens_the_next_stage(service: Service) -> None:
    job = service.submit()
    assert service.succeed(service.claim(job), {"pages": 3}) is Closing.DONE
    assert service.statuses(job) == ["succeeded", "ready", "waiting"]
    assert service.status(job) == "running"
    row = service.stage(job)
    assert (row["result"], row["lease_token"], row["error"]) == ({"pages": 3}, None, None)
    assert service.outcomes(job) == ["succeeded"]
    event = service.events(job)[-1]
    assert (event.kind, event.stage, event.who, event.detail) == ("succeeded", "parse", WORKER, {"pages": 3})


def test_every_stage_that_opens_gets_its_place_in_the_queue(service: Service) -> None:
    job = service.submit()
    assert service.stage(job)["ready_at"] is not None
    assert service.stage(job, "vectorize")["ready_at"] is None
    service.succeed(service.claim(job))
    assert service.stage(job, "vectorize")["ready_at"] > service.stage(job)["ready_at"]


def test_success_of_the_last_stage_is_the_jobs(service: Service) -> None:
    job = service.submit()
    service.finish(job)
    done = service.job(job)
    assert done.status is JobStatus.SUCCEEDED
    assert done.finished_at is not None
    assert service.statuses(job) == ["succeeded", "succeeded", "skipped"]  # nobody to tell
    assert (service.events(job)[-1].kind, service.events(job)[-1].who) == ("job succeeded", WORKER)


def test_no_text_ends_the_job_and_skips_the_rest(service: Service) -> None:
    job = service.submit()
    assert service.succeed(service.claim(job), job_status=JobStatus.NO_TEXT) is Closing.DONE
    assert service.status(job) == "no_text"
    assert service.statuses(job) == ["succeeded", "skipped", "skipped"]


def test_partial_goes_on_and_is_the_outcome_at_the_end(service: Service) -> None:
    job = service.submit()
    assert service.succeed(service.claim(job), job_status=JobStatus.PARTIAL) is Closing.DONE
    assert (service.status(job), service.statuses(job)) == ("running", ["succeeded", "ready", "waiting"])
    service.succeed(service.claim(job))
    done = service.job(job)
    assert (done.status, done.ok, done.error) == (JobStatus.PARTIAL, True, None)
    assert service.kinds(job)[-1] == "job partial"


@pytest.mark.parametrize("end", ["failed", "no_text"])
def test_a_later_stage_that_ends_the_job_outweighs_partial(service: Service, end: str) -> None:
    job = service.submit()
    service.succeed(service.claim(job), job_status=JobStatus.PARTIAL)
    held = service.claim(job)
    if end == "failed":
        service.fail(held, ErrorClass.PERMANENT)
    else:
        service.succeed(held, job_status=JobStatus.NO_TEXT)
    assert service.status(job) == end


def test_closing_again_after_an_unsure_commit_changes_nothing(service: Service) -> None:
    job = service.submit()
    held = service.claim(job)
    service.succeed(held, {"pages": 1})
    events = service.events(job)
    assert service.succeed(held, {"pages": 2}) is Closing.ALREADY
    assert service.events(job) == events
    assert service.stage(job)["result"] == {"pages": 1}


def test_a_worker_that_lost_its_lease_can_write_nothing(service: Service) -> None:
    job = service.submit()
    late = service.claim(job)
    service.lose(late)
    held = service.claim(job)
    events, row = service.events(job), {**service.stage(job), "now": None}
    assert service.succeed(late, {"pages": 9}) is Closing.LOST
    assert not service.fail(late)
    assert not service.fail(late, ErrorClass.PERMANENT)
    assert not service.give_back(late)
    assert not service.beat(late)
    assert service.events(job) == events
    assert {**service.stage(job), "now": None} == row
    assert service.succeed(held) is Closing.DONE


def test_a_transient_failure_is_tried_again_after_a_growing_pause(service: Service) -> None:
    job = service.submit()
    for failures, longest in enumerate([8.0, 16.0], 1):
        assert service.fail(service.claim(job))
        row = service.stage(job)
        assert (row["status"], row["failures"], row["lease_token"]) == ("ready", failures, None)
        pause = row["due_at"] - row["ready_at"]
        assert timedelta(seconds=longest / 2) <= pause <= timedelta(seconds=longest)
        assert row["error"] == {
            "stage": "parse",
            "class": "transient",
            "code": "code",
            "message": "it broke",
            "traceback": "Traceback …",
            "tried": failures,
            "allowed": 3,
        }
        event = service.events(job)[-1]
        assert (event.kind, event.attempt, event.who) == ("failed, will be tried again", failures, WORKER)
        assert event.detail["message"] == "it broke"
        assert "next_try_at" in event.detail
        assert "traceback" not in event.detail
    assert service.outcomes(job) == ["failed", "failed"]
    assert service.status(job) == "running"


def test_too_many_transient_failures_fail_the_job(service: Service) -> None:
    job = service.submit()
    for _ in range(POLICY.max_failures):
        assert service.status(job) in ("queued", "running")
        service.fail(service.claim(job))
    done = service.job(job)
    assert done.status is JobStatus.FAILED
    assert done.error is not None
    assert (done.error.stage, done.error.error_class, done.error.message) == ("parse", "transient", "it broke")
    assert service.statuses(job) == ["failed", "skipped", "skipped"]
    assert service.kinds(job)[-2:] == ["failed", "job failed"]


def test_a_permanent_failure_is_final_at_once(service: Service) -> None:
    job = service.submit()
    assert service.fail(service.claim(job), ErrorClass.PERMANENT)
    assert service.status(job) == "failed"
    assert service.outcomes(job) == ["failed"]


@pytest.mark.parametrize("outcome", [AttemptOutcome.CRASHED, AttemptOutcome.LIMIT])
def test_poison_gets_one_more_try_and_then_quarantine(service: Service, outcome: AttemptOutcome) -> None:
    job = service.submit()
    assert service.fail(service.claim(job), ErrorClass.POISON, outcome)
    row = service.stage(job)
    assert (row["status"], row["strikes"], row["failures"]) == ("ready", 1, 0)
    assert row["due_at"] <= row["now"]
    held = service.claim(job)
    assert held.strikes == 1
    assert service.fail(held, ErrorClass.POISON, outcome)
    assert service.status(job) == "quarantined"
    assert service.statuses(job) == ["quarantined", "skipped", "skipped"]
    assert service.outcomes(job) == [outcome.value] * 2
    assert service.kinds(job).count(outcome.value) == 2


def test_a_success_forgets_the_error_of_an_earlier_try(service: Service) -> None:
    job = service.submit()
    service.fail(service.claim(job))
    service.succeed(service.claim(job))
    assert service.stage(job)["error"] is None
    assert service.attempts(job)[0]["error"]["message"] == "it broke"


def test_postponing_is_no_failure(service: Service) -> None:
    job = service.submit()
    held = service.claim(job)
    assert service.run(lambda connection: postpone(connection, held, 60, "the receiver is down"))
    row = service.stage(job)
    assert (row["status"], row["failures"], row["error"]) == ("ready", 0, None)
    assert timedelta(seconds=55) < row["due_at"] - row["now"] <= timedelta(seconds=60)
    assert service.try_claim(row["id"]) is None
    assert service.kinds(job)[-1] == "postponed"
    assert service.events(job)[-1].detail["because"] == "the receiver is down"
    assert not service.run(lambda connection: postpone(connection, held, 60))


def test_pauses_double_up_to_a_cap() -> None:
    policy = Policy(retry_seconds=2)
    for failures in range(12):
        longest = min(600.0, 2.0 * 2**failures)
        pauses = [policy.pause(failures) for _ in range(200)]
        assert longest / 2 <= min(pauses)
        assert max(pauses) <= longest
        assert len(set(pauses)) > 100  # all workers at one moment would be the next trouble


class TestNotifications:
    """Written with the outcome, sent by the stage that the outcome opens."""

    TARGETS = ("http://one.example/hook", "https://two.example/hook")

    def test_are_written_in_the_transaction_of_the_outcome(self, service: Service) -> None:
        job = service.submit(notify=self.TARGETS)
        service.succeed(service.claim(job))
        held = service.claim(job)
        with service.engine.connect() as connection, connection.begin() as transaction:
            succeed(connection, held)
            transaction.rollback()
        assert service.deliveries(job) == []
        service.succeed(held)
        rows = service.deliveries(job)
        assert [(row["target"], row["event"], row["status"]) for row in rows] == [
            (target, "job.succeeded", "pending") for target in self.TARGETS
        ]
        assert rows[0]["payload"] == {
            "type": "job.succeeded",
            "data": {"job_id": str(job.id), "status": "succeeded", "document": "a.txt", "collection": "default"},
        }
        assert service.statuses(job) == ["succeeded", "succeeded", "ready"]

    def test_tell_what_went_wrong(self, service: Service) -> None:
        job = service.submit(notify=self.TARGETS[:1])
        service.fail(service.claim(job), ErrorClass.PERMANENT)
        (row,) = service.deliveries(job)
        assert row["event"] == "job.failed"
        assert row["payload"]["data"]["error"] == {
            "stage": "parse",
            "class": "permanent",
            "code": "code",
            "message": "it broke",
        }

    def test_name_the_pages_that_could_not_be_read(self, service: Service) -> None:
        job = service.submit(notify=self.TARGETS)
        service.succeed(service.claim(job), job_status=JobStatus.PARTIAL)
        pages = [{"page": number, "message": "it is damaged"} for number in range(1, 31)]
        service.sql(
            "update documents set problems = cast(:pages as jsonb) where id = :id",
            pages=json.dumps(pages),
            id=job.document.id,
        )
        service.succeed(service.claim(job))
        rows = service.deliveries(job)
        assert {row["event"] for row in rows} == {"job.partial"}
        assert [row["payload"]["data"]["pages"] for row in rows] == [pages[:20]] * 2
        again = service.client.submit(b"text 1", name="a.txt", notify=self.TARGETS[:1])
        assert (again.status, again.same_as) == (JobStatus.PARTIAL, job.id)
        (row,) = service.deliveries(again)
        assert row["payload"]["data"]["pages"] == pages[:20]

    @pytest.mark.parametrize("end", ["cancel", "quarantine", "no_text"])
    def test_are_written_for_every_outcome(self, service: Service, end: str) -> None:
        job = service.submit(notify=self.TARGETS[:1])
        if end == "cancel":
            service.cancel(job)
        elif end == "no_text":
            service.succeed(service.claim(job), job_status=JobStatus.NO_TEXT)
        else:
            for _ in range(POLICY.max_strikes):
                service.fail(service.claim(job), ErrorClass.POISON)
        (row,) = service.deliveries(job)
        assert row["event"] == f"job.{service.status(job)}"
        assert service.statuses(job)[-1] == "ready"

    def test_do_not_change_the_outcome_when_they_fail(self, service: Service) -> None:
        job = service.submit(notify=self.TARGETS[:1])
        service.finish(job)
        service.fail(service.claim(job), ErrorClass.PERMANENT)
        assert service.status(job) == "succeeded"
        assert service.statuses(job)[-1] == "failed"


def test_a_replaced_document_goes_only_when_the_new_one_is_there(service: Service) -> None:
    old = service.submit()
    service.finish(old)
    failing = service.submit(replaces=old.document.id)
    service.fail(service.claim(failing), ErrorClass.PERMANENT)
    assert service.job(old).document.id == old.document.id
    new = service.submit(replaces=old.document.id)
    service.succeed(service.claim(new))
    assert service.job(old)
    service.succeed(service.claim(new))
    assert service.sql("select 1 from documents where id = :id", id=old.document.id) == []
    assert service.status(new) == "succeeded"


def test_a_replaced_document_goes_even_if_the_new_one_was_there_before(service: Service) -> None:
    old, there = service.submit(), service.submit(b"there before")
    service.finish(old)
    service.finish(there)
    again = service.submit(b"there before", replaces=old.document.id)
    assert again.same_as == there.id
    assert service.sql("select 1 from documents where id = :id", id=old.document.id) == []


def test_a_document_of_another_collection_is_never_replaced(service: Service) -> None:
    old = service.submit(collection="theirs")
    new = service.submit(collection="ours", replaces=old.document.id)
    service.finish(new)
    assert service.job(old)


def test_events_are_in_the_order_in_which_things_happened(service: Service) -> None:
    job = service.submit()
    service.fail(service.claim(job))
    service.lose(service.claim(job))
    service.give_back(service.claim(job))
    service.finish(job)
    events = service.events(job)
    assert [event.kind for event in events] == [
        "accepted",
        "started",
        "failed, will be tried again",
        "started",
        "lease ran out",
        "started",
        "given back",
        "started",
        "succeeded",
        "started",
        "succeeded",
        "job succeeded",
    ]
    assert all(event.who for event in events)
    assert all(before.at <= after.at for before, after in pairwise(events))


def test_what_a_document_makes_an_error_say_can_be_stored(service: Service) -> None:
    """NUL and broken characters too; what the attempt used and logged is kept with the attempt alone."""
    job = service.submit()
    held = service.claim(job)
    evidence = {"resources": {"seconds": 1.5, "peak_memory_mb": 300}, "log": ["last words"]}
    problem = Problem(ErrorClass.PERMANENT, "odd", "a\0b\udc80", "trace\0back", evidence)
    assert service.run(lambda c: fail(c, held, problem, policy=POLICY))
    (attempt,) = service.attempts(job)
    assert attempt["error"]["message"] == "ab?"
    assert attempt["error"]["log"] == ["last words"]
    assert attempt["error"]["resources"]["peak_memory_mb"] == 300
    assert "log" not in service.stage(job)["error"]
    assert all("log" not in event.detail for event in service.events(job))
