"""One job, everything that can happen to it in any order, and a simple model of what must come of it."""

from collections.abc import Iterator
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from docrelay import Job
from docrelay.names import AttemptOutcome, ErrorClass, JobStatus
from docrelay.transitions import Claim, Closing
from tests.transitions.service import POLICY, Service

WORK = ("parse", "vectorize")
MAY_BE_RETRIED = ("partial", "no_text", "failed", "quarantined", "cancelled")


class JobMachine(RuleBasedStateMachine):
    """The model: the job's status, the open stage, who holds it, and what it has been charged."""

    service: ClassVar[Service]

    @initialize(told=st.booleans())
    def submit(self, told: bool) -> None:
        self.job: Job = self.service.submit(notify=["http://one.example/hook"] if told else [])
        self.told = told
        self.status = "queued"
        self.position = 0
        self.verdicts: dict[int, str] = {}  # what stages that succeeded found missing
        self.held: Claim | None = None
        self.stale: list[Claim] = []
        self.claims = 0
        self.outcomes = 0
        self.failures = self.strikes = self.losses = 0
        self.telling = False

    # -- the model's own moves

    def _release(self) -> None:
        assert self.held is not None
        self.stale.append(self.held)
        self.held = None

    def _charge(self) -> None:
        self.failures = self.strikes = self.losses = 0

    def _end(self, status: str) -> None:
        self.status = status
        self.outcomes += 1
        self.telling = self.told
        self._charge()

    def _open(self) -> bool:
        return self.status in ("queued", "running")

    # -- what workers do

    @precondition(lambda self: self.held is None and (self._open() or self.telling))
    @rule()
    def claim(self) -> None:
        self.held = self.service.claim(self.job)
        self.claims += 1
        assert self.held.stage == (WORK[self.position] if self._open() else "notify")
        assert (self.held.failures, self.held.strikes, self.held.losses) == (self.failures, self.strikes, self.losses)
        if self._open():
            self.status = "running"

    @precondition(lambda self: self.held)
    @rule()
    def duplicate_message(self) -> None:
        assert self.held
        assert self.service.try_claim(self.held.stage_run_id) is None
        assert self.service.try_claim(self.held.stage_run_id, token=self.held.token) == self.held

    @precondition(lambda self: self.held)
    @rule(done=st.none() | st.integers(0, 9))
    def beat(self, done: int | None) -> None:
        assert self.held
        assert self.service.beat(self.held, done=done)

    @precondition(lambda self: self.held)
    @rule(found=st.sampled_from(["succeeded", "partial", "no_text"]))
    def succeed(self, found: str) -> None:
        assert self.held
        status = JobStatus(found if self._open() else "succeeded")
        assert self.service.succeed(self.held, job_status=status) is Closing.DONE
        assert self.service.succeed(self.held, job_status=status) is Closing.ALREADY
        self._release()
        self._charge()
        if not self._open():
            self.telling = False
            return
        if found != "succeeded":
            self.verdicts[self.position] = found
        if found == "no_text" or self.position == 1:
            partial = found == "succeeded" and "partial" in self.verdicts.values()
            self._end("partial" if partial else found)
        else:
            self.position += 1

    @precondition(lambda self: self.held)
    @rule(error_class=st.sampled_from(ErrorClass))
    def fail(self, error_class: ErrorClass) -> None:
        assert self.held
        poison = error_class is ErrorClass.POISON
        outcome = AttemptOutcome.CRASHED if poison else AttemptOutcome.FAILED
        assert self.service.fail(self.held, error_class, outcome)
        self._release()
        self.strikes += poison
        self.failures += not poison
        if self.strikes >= POLICY.max_strikes:
            self._give_up("quarantined")
        elif self.failures >= POLICY.max_failures or error_class is ErrorClass.PERMANENT:
            self._give_up("failed")

    def _give_up(self, status: str) -> None:
        if self._open():
            self._end(status)
        else:
            self.telling = False

    @precondition(lambda self: self.held)
    @rule()
    def give_back(self) -> None:
        assert self.held
        assert self.service.give_back(self.held)
        self._release()

    @precondition(lambda self: self.held)
    @rule()
    def vanish(self) -> None:
        assert self.held
        self.service.lose(self.held)
        self._release()
        self.losses += 1
        if self.losses >= POLICY.max_losses:
            self._give_up("quarantined")

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def come_back_too_late(self, data: st.DataObject) -> None:
        late = data.draw(st.sampled_from(self.stale))
        assert not self.service.beat(late, done=1)
        assert not self.service.fail(late)
        assert not self.service.give_back(late)
        assert self.service.succeed(late) is not Closing.DONE

    # -- what clients do

    @rule()
    def cancel(self) -> None:
        was_open = self._open()
        assert self.service.cancel(self.job) is was_open
        if was_open:
            if self.held:
                self._release()
            self._end("cancelled")

    @rule(from_stage=st.none() | st.sampled_from(["parse", "vectorize", "notify"]))
    def retry(self, from_stage: str | None) -> None:
        may = self.status in MAY_BE_RETRIED
        assert self.service.retry(self.job, from_stage) is may
        if not may:
            return
        if self.held:
            self._release()
        self._charge()
        self.status = "queued"
        self.telling = False
        self.position = 0 if from_stage == "parse" else min([self.position, *self.verdicts])
        self.verdicts = {position: found for position, found in self.verdicts.items() if position < self.position}

    @rule()
    def sweep(self) -> None:
        assert self.service.expire() == 0

    # -- what always holds

    @invariant()
    def job_is_as_the_model_says(self) -> None:
        job = self.service.job(self.job)
        assert job.status == self.status
        assert (job.finished_at is not None) is not self._open()
        assert (job.error is not None) is (self.status in ("failed", "quarantined"))
        assert (job.waiting_because is not None) is self._open()

    @invariant()
    def at_most_one_stage_runs_and_it_has_a_lease(self) -> None:
        rows = self.service.sql("select status, lease_token from stage_runs where job_id = :id", id=self.job.id)
        assert all((row["status"] == "running") is (row["lease_token"] is not None) for row in rows)
        tokens = [row["lease_token"] for row in rows if row["status"] == "running"]
        assert tokens == ([self.held.token] if self.held else [])
        ready = [row for row in rows if row["status"] == "ready"]
        assert len(ready) == (self.held is None and (self._open() or self.telling))

    @invariant()
    def every_claim_is_an_attempt_and_only_the_held_one_goes_on(self) -> None:
        outcomes = self.service.outcomes(self.job)
        assert len(outcomes) == self.claims
        assert outcomes.count(None) == (self.held is not None)

    @invariant()
    def every_outcome_is_an_event_and_is_told_once(self) -> None:
        kinds = self.service.kinds(self.job)
        assert kinds.count("started") == self.claims
        assert sum(kind.startswith("job ") for kind in kinds) == self.outcomes
        assert all(event.who for event in self.service.events(self.job))
        assert len(self.service.deliveries(self.job)) == (self.outcomes if self.told else 0)


@pytest.fixture
def machine(service: Service) -> Iterator[type[JobMachine]]:
    """The machine, on this test's database."""
    JobMachine.service = service
    yield JobMachine
    del JobMachine.service


def test_whatever_happens_the_rows_stay_right(machine: type[JobMachine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=80,
            stateful_step_count=25,
            deadline=None,
            database=None,
            derandomize=True,  # a red run must be red again
            suppress_health_check=list(HealthCheck),
        ),
    )
