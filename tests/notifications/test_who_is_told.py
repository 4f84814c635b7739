"""Who is told: those whom a job names, and those who are subscribed; and what a target that fails costs the others."""

from pathlib import Path

import pytest

from app.migrate import _subscribe
from config.settings import Settings
from docrelay.names import ErrorClass
from docrelay.transitions import notify_service, receivers
from tasks.sending import Lanes
from tests.transitions.service import Service

BAD, GOOD = "https://bad.example/hook", "https://good.example/hook"


@pytest.fixture
def subscribed(service: Service, tmp_path: Path) -> None:
    """As `migrate` leaves it."""
    file = tmp_path / "notify.toml"
    file.write_text(
        '[targets.ops]\nurl = "json://ops.example"\n'
        '[[tell]]\nevents = ["job.failed", "batch.finished"]\ncollections = ["contracts"]\n'
        'targets = ["@ops", "mailto:legal@example.com"]\n'
        '[[tell]]\nevents = ["job.*"]\ntargets = ["https://all.example/hook"]\n'
        '[alerts]\ntargets = ["@ops"]\n'
    )
    for _ in range(2):
        service.run(lambda c: _subscribe(c, Settings(notify_file=file)))


@pytest.mark.usefixtures("subscribed")
def test_by_event_and_collection(service: Service) -> None:
    job = service.submit(collection="contracts", notify=[GOOD, "@ops"])
    service.fail(service.claim(job), ErrorClass.PERMANENT)
    told = [(row["target"], row["event"]) for row in service.deliveries(job)]
    assert sorted(told) == [
        ("@ops", "job.failed"),
        ("https://all.example/hook", "job.failed"),
        (GOOD, "job.failed"),
        ("mailto:legal@example.com", "job.failed"),
    ], "each once, though @ops is named twice"
    assert service.statuses(job)[-1] == "ready"
    other = service.submit(collection="letters")
    service.cancel(other)
    assert [row["target"] for row in service.deliveries(other)] == ["https://all.example/hook"]


@pytest.mark.usefixtures("subscribed")
def test_those_of_an_identical_document_too(service: Service) -> None:
    service.finish(service.submit(b"same"))
    again = service.submit(b"same")
    assert [row["event"] for row in service.deliveries(again)] == ["job.succeeded"]


@pytest.mark.usefixtures("subscribed")
def test_of_what_is_no_job(service: Service) -> None:
    service.run(lambda c: notify_service(c, "alert.queue.slow", {"message": "slow"}))
    service.run(lambda c: notify_service(c, "schedule.missed", {"message": "missed"}, targets=[GOOD]))
    service.run(lambda c: notify_service(c, "digest", {"message": "to nobody"}))
    rows = service.sql("select target, event, direct, job_id from deliveries order by event")
    assert [(row["target"], row["event"]) for row in rows] == [("@ops", "alert.queue.slow"), (GOOD, "schedule.missed")]
    assert all(row["direct"] and row["job_id"] is None for row in rows)


def test_what_waits_for_a_target_that_fails_is_put_off_at_once(service: Service) -> None:
    """Unannounced, in one statement; what goes elsewhere too stays where it is."""
    waiting = [service.submit(notify=[BAD]) for _ in range(3)]
    both, elsewhere = service.submit(notify=[BAD, GOOD]), service.submit(notify=[GOOD])
    for job in (*waiting, both, elsewhere):
        service.cancel(job)
    pauses = [service.run(lambda c: receivers.failed(c, BAD, "it is down")) for _ in range(receivers.TRIES_IN_A_ROW)]
    assert pauses[:-1] == [0] * (receivers.TRIES_IN_A_ROW - 1)
    assert 3 < pauses[-1] <= 5

    def pause(job: object) -> float:
        stage = service.stage(job, "notify")  # type: ignore[arg-type]
        return float((stage["due_at"] - stage["now"]).total_seconds())

    assert all(pauses[-1] - 1 < pause(job) < 7 for job in waiting)
    assert pause(both) <= 0
    assert pause(elsewhere) <= 0
    assert service.run(lambda c: receivers.gate(c, GOOD)) is None
    assert service.run(lambda c: receivers.gate(c, BAD)) is not None


def test_a_pause_grows_and_ends(service: Service) -> None:
    longest = 0.0
    for _ in range(20):
        longest = max(longest, service.run(lambda c: receivers.failed(c, BAD, "it is down")))
    assert 200 < longest <= receivers.LONGEST_SECONDS
    service.run(lambda c: receivers.answered(c, BAD))
    assert service.run(lambda c: receivers.gate(c, BAD)) is None


def test_a_server_that_hangs_gets_half_of_the_slots() -> None:
    lanes = Lanes(1)
    with lanes.lane(BAD) as first, lanes.lane("https://bad.example/other?x") as second, lanes.lane(GOOD) as other:
        assert (first, second, other) == (True, False, True)
    with lanes.lane(BAD) as again:
        assert again
