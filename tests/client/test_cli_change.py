"""`docrelay retry`, `cancel` and `delete`: done for each, and the exit status says whether for all."""

import io
import json
import sys
import uuid

import pytest

from docrelay import Client, NotFound
from docrelay.names import ErrorClass
from tests.client.shell import Run
from tests.transitions.service import Service


def test_retry_from_the_failed_stage_or_an_earlier_one(docrelay: Run, service: Service) -> None:
    job = service.submit()
    service.succeed(service.claim(job))
    service.fail(service.claim(job), ErrorClass.PERMANENT)
    assert docrelay("retry", job.id).lines == [[str(job.id), "queued", "a.txt"]]
    assert service.statuses(job)[:2] == ["succeeded", "ready"]
    service.cancel(job)
    answer = docrelay("retry", job.id, "--from", "parse", "--json")
    assert [stage["status"] for stage in json.loads(answer.out)[0]["stages"]][:2] == ["ready", "waiting"]


def test_retry_of_a_stage_that_is_not_there(docrelay: Run, service: Service) -> None:
    job = service.submit()
    service.cancel(job)
    answer = docrelay("retry", job.id, "--from", "magic")
    assert answer.code == 1
    assert "it has parse, vectorize, notify" in answer.err


def test_one_that_cannot_be_cancelled_does_not_keep_the_others_from_it(docrelay: Run, service: Service) -> None:
    over, waiting = service.submit(), service.submit()
    service.finish(over)
    answer = docrelay("cancel", over.id, waiting.id)
    assert answer.code == 1
    assert f"error: job {over.id} is succeeded" in answer.err
    assert answer.lines == [[str(waiting.id), "cancelled", "a.txt"]]


def test_cancel_is_nought_when_all_were_cancelled(docrelay: Run, service: Service) -> None:
    answer = docrelay("cancel", service.submit().id, service.submit().id, "--json")
    assert answer.code == 0
    assert [job["status"] for job in json.loads(answer.out)] == ["cancelled", "cancelled"]


def test_delete_asks_first(docrelay: Run, service: Service, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())  # nobody there who could say yes
    job = service.submit()
    assert docrelay("delete", job.document.id).code == 1
    assert client.get(job.id)
    answer = docrelay("delete", job.document.id, "--yes", "--json")
    assert json.loads(answer.out) == [{"id": str(job.document.id), "deleted": True}]
    with pytest.raises(NotFound):
        client.get(job.id)


def test_delete_of_what_is_not_there(docrelay: Run) -> None:
    answer = docrelay("delete", uuid.uuid4(), "-y")
    assert answer.code == 1
    assert "there is no document" in answer.err
