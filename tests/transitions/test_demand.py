"""A stage that a job turns out to need is put next, once, and only by whoever holds the lease."""

from typing import Any

import pytest
from sqlalchemy import Connection

from docrelay import Job, transitions
from docrelay.transitions import Claim, Closing
from tests.transitions.service import Service


def close(service: Service, held: Claim) -> Closing:
    """Demand `ocr` and close the stage, in one transaction, as `Work.succeed` does."""

    def work(connection: Connection) -> Closing:
        stage = transitions.on_demand(connection, held.pipeline, "ocr")
        assert stage is not None
        transitions.demand(connection, held, stage)
        return transitions.succeed(connection, held)

    return Closing(service.run(work))


def names(service: Service, job: Job) -> list[tuple[str, str]]:
    return [(stage.name, stage.status.value) for stage in service.job(job).stages]


def test_a_job_begins_without_it(service: Service) -> None:
    assert [name for name, _ in names(service, service.submit())] == ["parse", "vectorize", "notify"]


def test_it_comes_next_and_the_others_after_it(service: Service) -> None:
    job = service.submit(priority=8, collection="c")
    assert close(service, service.claim(job)) is Closing.DONE
    assert names(service, job) == [
        ("parse", "succeeded"),
        ("ocr", "ready"),
        ("vectorize", "waiting"),
        ("notify", "waiting"),
    ]
    row = service.stage(job, "ocr")
    assert (row["position"], row["priority"], row["collection"], row["queue"]) == (1, 8, "c", "docrelay.ocr")
    service.finish(job)
    assert [status for _, status in names(service, job)] == ["succeeded", "succeeded", "succeeded", "skipped"]


def test_closing_twice_makes_one(service: Service) -> None:
    job = service.submit()
    held = service.claim(job)
    close(service, held)
    assert close(service, held) is Closing.ALREADY
    assert [name for name, _ in names(service, job)].count("ocr") == 1


def test_a_retry_from_before_finds_it_there(service: Service) -> None:
    job = service.submit()
    close(service, service.claim(job))
    service.cancel(job)
    service.retry(job, "parse")
    close(service, service.claim(job))
    assert names(service, job) == [
        ("parse", "succeeded"),
        ("ocr", "ready"),
        ("vectorize", "waiting"),
        ("notify", "waiting"),
    ]


@pytest.mark.parametrize("gone", ["lost", "cancelled"])
def test_whoever_lost_the_lease_adds_nothing(service: Service, gone: str) -> None:
    job = service.submit()
    held = service.claim(job)
    if gone == "lost":
        service.lose(held)
    else:
        service.cancel(job)
    assert close(service, held) is Closing.LOST
    assert [name for name, _ in names(service, job)] == ["parse", "vectorize", "notify"]


def test_a_pipeline_without_it_has_none(service: Service) -> None:
    found: Any = service.run(lambda connection: transitions.on_demand(connection, "reembed", "ocr"))
    assert found is None
