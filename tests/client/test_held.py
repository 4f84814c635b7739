"""Jobs held until a time: stored at once, listed, cancellable, and started when it has come."""

from datetime import UTC, datetime, timedelta

import pytest

from docrelay import Client, ConfigError
from docrelay.names import JobStatus
from docrelay.transitions import release_held
from tests.client.shell import Run
from tests.transitions.service import Service

LATER = datetime(2100, 1, 1, tzinfo=UTC)


def test_held_until_its_time(client: Client, service: Service) -> None:
    """Its document is there, nothing is ready, and it says why; when the time has come it starts."""
    job = client.submit(b"later", name="later.txt", at=LATER)
    assert (job.status, job.not_before) == (JobStatus.QUEUED, LATER)
    assert job.waiting_because is not None
    assert job.waiting_because.startswith("is held until 2100-01-01 00:00:00 UTC")
    assert service.statuses(job) == ["waiting", "waiting", "waiting"]
    assert service.run(release_held) == 0
    service.sql("update jobs set not_before = now() - interval '1 second' where id = :id", id=job.id)
    assert service.run(release_held) == 1
    assert service.statuses(job)[0] == "ready"
    assert service.run(release_held) == 0
    service.finish(job)
    assert service.status(job) == "succeeded"


def test_a_delay_counts_by_the_clock_of_the_database(client: Client, service: Service) -> None:
    job = client.submit(b"later", delay=timedelta(hours=2))
    (row,) = service.sql(
        "select extract(epoch from not_before - created_at) as held from jobs where id = :id", id=job.id
    )
    assert float(row["held"]) == 7200
    assert client.submit(b"now", delay=0).not_before is None


def test_a_time_that_is_over_is_now(client: Client, service: Service) -> None:
    job = client.submit(b"now", at=datetime(2000, 1, 1, tzinfo=UTC))
    assert service.statuses(job)[0] == "ready"


def test_it_keeps_nobody_waiting_before_its_time(client: Client, service: Service) -> None:
    """Another job of the same document starts at once, and is not held up by the one that is."""
    held = client.submit(b"same", at=LATER)
    job = client.submit(b"same")
    assert service.statuses(job)[0] == "ready"
    claim = service.claim(job)
    service.sql("update jobs set not_before = now() where id = :id", id=held.id)
    assert service.run(release_held) == 0, "two jobs work on one document"
    service.succeed(claim)
    service.finish(job)
    assert service.statuses(held)[0] == "ready"


def test_ending_another_job_does_not_start_it(client: Client, service: Service) -> None:
    held = client.submit(b"same", at=LATER)
    service.finish(client.submit(b"same"))
    assert service.statuses(held)[0] == "waiting"


def test_held_jobs_can_be_cancelled(client: Client, service: Service) -> None:
    job = client.submit(b"never", delay=60)
    assert client.cancel(job.id).status is JobStatus.CANCELLED
    service.sql("update jobs set not_before = now()")
    assert service.run(release_held) == 0


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"at": LATER, "delay": 1}, "exclude each other"),
        ({"at": datetime(2100, 1, 1)}, "time zone"),  # noqa: DTZ001 - that is what is wrong with it
        ({"delay": -1}, "delay=-1"),
        ({"delay": float("nan")}, "delay=nan"),
        ({"delay": 1e300}, "delay=1e"),
    ],
)
def test_wrong_times_are_refused(client: Client, wishes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        client.submit(b"x", **wishes)  # type: ignore[arg-type]
    assert client.jobs() == []


def test_many_at_once(client: Client) -> None:
    assert {job.not_before for job in client.submit_many([b"1", b"2"], at=LATER)} == {LATER}


def test_from_the_command_line(docrelay: Run, client: Client, service: Service, tmp_path: object) -> None:
    paper = str(tmp_path) + "/paper.txt"
    with open(paper, "w") as file:  # noqa: PTH123
        file.write("text")
    assert docrelay("submit", paper, "--at", "2100-01-01T00:00Z").code == 0
    assert client.jobs()[0].not_before == LATER
    assert "is held until 2100-01-01" in docrelay("show", str(client.jobs()[0].id)).out
    assert docrelay("submit", paper, "--delay", "2h").code == 0
    assert docrelay("submit", paper, "--delay", "soon").code == 2
    assert docrelay("submit", paper, "--at", "soon").code == 2
