"""Taking a stage, holding it, giving it back."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from docrelay.transitions import Closing
from docrelay.transitions.claims import BEAT, CLOSING_SECONDS, GIVE_BACK
from docrelay.transitions.outcomes import CLOSE, SUCCEED
from tests.transitions.service import WORKER, Service, at_once


def test_of_many_workers_one_gets_the_stage(service: Service) -> None:
    job = service.submit()
    run_id = service.stage(job)["id"]
    claims = at_once(*(lambda n=n: service.try_claim(run_id, worker=f"worker@{n}") for n in range(6)))
    (held,) = [claim for claim in claims if claim is not None]
    row = service.stage(job)
    assert (row["status"], row["attempt"], row["lease_token"], row["worker"]) == ("running", 1, held.token, held.worker)
    assert [(a["number"], a["worker"], a["outcome"]) for a in service.attempts(job)] == [(1, held.worker, None)]
    assert service.status(job) == "running"


def test_a_claim_says_what_the_worker_needs(service: Service) -> None:
    job = service.submit(b"one", name="report.pdf", collection="contracts")
    held = service.claim(job)
    assert (held.job_id, held.document_id, held.collection, held.name) == (
        job.id,
        job.document.id,
        "contracts",
        "report.pdf",
    )
    assert (held.pipeline, held.stage, held.queue, held.attempt) == ("index", "parse", "docrelay.parse", 1)
    assert (held.failures, held.strikes, held.losses) == (0, 0, 0)
    started = service.events(job)[-1]
    assert (started.kind, started.stage, started.attempt, started.who) == ("started", "parse", 1, WORKER)


def test_asking_again_with_the_same_token_gives_the_same_claim(service: Service) -> None:
    job = service.submit()
    held = service.claim(job, token=7)
    assert service.try_claim(held.stage_run_id, token=7) == held
    assert service.try_claim(held.stage_run_id, token=8) is None
    assert len(service.attempts(job)) == 1


def test_what_is_not_due_yet_cannot_be_claimed(service: Service) -> None:
    job = service.submit()
    service.sql("update stage_runs set due_at = now() + interval '1 hour' where job_id = :id", id=job.id)
    assert service.try_claim(service.stage(job)["id"]) is None
    assert service.status(job) == "queued"


def test_waiting_is_counted_from_when_it_was_due(service: Service) -> None:
    job = service.submit()
    service.sql(
        "update stage_runs set ready_at = now() - interval '1 hour', due_at = now() - interval '10 seconds' "
        "where job_id = :id",
        id=job.id,
    )
    service.claim(job)
    assert service.stage(job)["waited_seconds"] == pytest.approx(10, abs=5)


def test_a_beat_renews_and_says_how_far_it_is(service: Service) -> None:
    job = service.submit()
    held = service.claim(job, lease=1)
    assert service.beat(held, lease=60, done=3, total=9, unit="pages")
    row = service.stage(job)
    assert timedelta(seconds=50) < row["lease_until"] - row["now"] <= timedelta(seconds=60)
    stage = service.job(job).stages[0]
    assert (stage.done, stage.total, stage.unit) == (3, 9, "pages")
    assert service.beat(held)
    assert service.job(job).stages[0].done == 3


def test_no_lease_outlasts_the_deadline(service: Service) -> None:
    job = service.submit()
    service.sql("update stage_runs set seconds = 20 where job_id = :id", id=job.id)
    held = service.claim(job, lease=3600)
    assert service.stage(job)["lease_until"] == service.stage(job)["deadline"]
    assert service.beat(held, lease=3600)
    row = service.stage(job)
    assert row["lease_until"] == row["deadline"]
    assert row["deadline"] - row["now"] <= timedelta(seconds=20 + CLOSING_SECONDS)


def test_only_progress_wakes_those_who_watch(service: Service) -> None:
    """A renewal a second from every running stage would have every watcher read its job every time."""
    job = service.submit()
    held = service.claim(job)
    with service.engine.connect() as connection:
        listening = connection.connection.driver_connection
        assert listening is not None
        listening.autocommit = True
        listening.execute("listen docrelay_job")
        assert service.beat(held)
        assert list(listening.notifies(timeout=0.3)) == []
        assert service.beat(held, done=1, total=2)
        assert [n.payload for n in listening.notifies(timeout=5, stop_after=1)] == [str(job.id)]
        listening.execute("unlisten *")


@pytest.mark.parametrize("end", ["cancel", "lose"])
def test_a_beat_after_the_lease_is_gone_says_so(service: Service, end: str) -> None:
    job = service.submit()
    held = service.claim(job)
    if end == "cancel":
        service.cancel(job)
    else:
        service.lose(held)
    before = service.stage(job)
    assert not service.beat(held, done=1)
    after = service.stage(job)
    assert {**before, "now": None} == {**after, "now": None}


def test_giving_back_charges_nothing_and_needs_no_patience(service: Service) -> None:
    job = service.submit()
    held = service.claim(job)
    assert service.give_back(held)
    row = service.stage(job)
    assert (row["status"], row["failures"], row["strikes"], row["losses"]) == ("ready", 0, 0, 0)
    assert row["lease_token"] is None
    assert row["due_at"] <= row["now"]
    assert service.outcomes(job) == ["interrupted"]
    event = service.events(job)[-1]
    assert (event.kind, event.who, event.detail) == ("given back", WORKER, {"reason": "the worker stops"})
    again = service.try_claim(row["id"])
    assert again is not None
    assert again.attempt == 2
    assert not service.give_back(held)
    assert service.succeed(held) is Closing.LOST


@pytest.mark.parametrize("statement", [BEAT.text, GIVE_BACK.text, CLOSE.text, SUCCEED.sql])
def test_a_held_stage_is_not_looked_for_among_all_leases(engine: Engine, statement: str) -> None:
    """In a large table that index is the shortest, so it must be none that answers: here there is no other."""
    with engine.connect() as connection:
        connection.execute(text("alter table stage_runs drop constraint pk_stage_runs cascade"))
        connection.execute(text("set local enable_seqscan = off"))
        plan = connection.execute(text("explain (generic_plan) " + _numbered(statement))).scalars().all()
        assert "ix_stage_runs_leases" not in "".join(plan)
        connection.rollback()


def _numbered(statement: str) -> str:
    names = dict.fromkeys(re.findall(r"(?<!:):(\w+)", statement))
    for number, name in enumerate(names, 1):
        statement = re.sub(rf"(?<!:):{name}\b", f"${number}", statement)
    return statement
