"""Workers that vanish, and what the sweep does about them."""

from datetime import timedelta

import pytest

from docrelay import transitions
from docrelay.names import ErrorClass
from docrelay.transitions import Closing
from tests.transitions.service import POLICY, SWEEPER, WORKER, Service, at_once


def test_a_lost_attempt_is_charged_to_nobody(service: Service) -> None:
    job = service.submit()
    service.lose(service.claim(job))
    row = service.stage(job)
    assert (row["status"], row["failures"], row["strikes"], row["losses"]) == ("ready", 0, 0, 1)
    assert row["lease_token"] is None
    assert row["due_at"] <= row["now"]
    (attempt,) = service.attempts(job)
    assert (attempt["outcome"], attempt["error"]["code"]) == ("lost", "lost")
    assert attempt["error"]["message"] == f"worker {WORKER} vanished: its worker stopped renewing the lease"
    event = service.events(job)[-1]
    assert (event.kind, event.who, event.detail) == ("lease ran out", SWEEPER, {"worker": WORKER})


def test_a_lease_that_is_held_is_left_alone(service: Service) -> None:
    held = service.claim(service.submit())
    assert service.expire() == 0
    assert service.beat(held)


def test_the_second_loss_is_given_time(service: Service) -> None:
    job = service.submit()
    service.lose(service.claim(job))
    service.lose(service.claim(job))
    row = service.stage(job)
    assert timedelta(seconds=4) <= row["due_at"] - row["ready_at"] <= timedelta(seconds=8)


def test_no_stage_is_given_away_for_ever(service: Service) -> None:
    job = service.submit(notify=["http://one.example/hook"])
    for _ in range(POLICY.max_losses):
        assert service.status(job) in ("queued", "running")
        service.lose(service.claim(job))
    done = service.job(job)
    assert done.status == "quarantined"
    assert done.error is not None
    assert done.error.error_class == ErrorClass.POISON
    assert "given up after 3 such losses" in done.error.message
    assert service.statuses(job) == ["quarantined", "skipped", "ready"]
    assert service.deliveries(job)[0]["event"] == "job.quarantined"


def test_a_stage_over_its_limit_says_so(service: Service) -> None:
    job = service.submit()
    held = service.claim(job)
    service.sql(
        "update stage_runs set lease_until = now() - interval '2 s', deadline = now() - interval '2 s' where id = :id",
        id=held.stage_run_id,
    )
    assert service.expire() == 1
    assert "not over after its limit of 600 s" in service.stage(job)["error"]["message"]


def test_a_notification_that_is_given_up_changes_no_outcome(service: Service) -> None:
    job = service.submit(notify=["http://one.example/hook"])
    service.finish(job)
    for _ in range(POLICY.max_losses):
        service.lose(service.claim(job))
    assert service.status(job) == "succeeded"
    assert service.statuses(job)[-1] == "quarantined"


def test_two_sweeps_at_once_charge_once(service: Service) -> None:
    jobs = [service.submit() for _ in range(5)]
    for job in jobs:
        service.claim(job)
    service.sql("update stage_runs set lease_until = now() - interval '1 second' where status = 'running'")
    assert sum(at_once(service.expire, service.expire, service.expire)) == 5
    assert [service.stage(job)["losses"] for job in jobs] == [1] * 5


@pytest.mark.parametrize("round_", range(8))
def test_success_and_expiry_at_once_give_one_outcome(service: Service, round_: int) -> None:
    job = service.submit()
    held = service.claim(job)
    service.sql("update stage_runs set lease_until = now() - interval '1 second' where status = 'running'")
    closing, expired = at_once(lambda: service.succeed(held), service.expire)
    # Locked by the one, the row is skipped by the sweep.
    assert (closing, expired) in [(Closing.DONE, 0), (Closing.LOST, 1)]
    assert service.outcomes(job) == (["succeeded"] if expired == 0 else ["lost"])


def test_a_forgotten_follower_is_started(service: Service) -> None:
    """Closing wakes the next job, so we must make the broken state by hand."""
    first, second = service.submit(b"same"), service.submit(b"same")
    service.sql("update stage_runs set status = 'skipped' where job_id = :id", id=first.id)
    service.sql("update jobs set status = 'failed', finished_at = now() where id = :id", id=first.id)
    assert service.run(transitions.release_followers) == 0  # so young that somebody may be about to
    service.sql("update jobs set created_at = now() - interval '1 minute'")
    assert service.run(transitions.release_followers) == 1
    assert service.statuses(second) == ["ready", "waiting", "waiting"]
    assert service.run(transitions.release_followers) == 0
