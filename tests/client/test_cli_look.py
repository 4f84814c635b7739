"""`docrelay jobs`, `show`, `collections`, `search`: what people and programs get to see."""

import json
import re

import pytest

from docrelay import Client, Job, JobStatus
from docrelay.names import ErrorClass
from tests.client.shell import Run
from tests.transitions.service import Service


@pytest.fixture
def failed(service: Service) -> Job:
    job = service.submit(name="broken.pdf")
    service.fail(service.claim(job), ErrorClass.PERMANENT)
    return service.job(job)


def test_jobs_newest_first_with_what_keeps_them(docrelay: Run, service: Service, failed: Job) -> None:
    waiting = service.submit(name="new.txt", collection="other")
    first, second = docrelay("jobs").lines
    assert first[:5] == [str(waiting.id), "queued", "new.txt", "other", "parse"]
    assert first[6] == "no worker consumes the queue docrelay.parse; start one"
    assert second[:5] == [str(failed.id), "failed", "broken.pdf", "default", "parse"]
    assert second[6] == "it broke"


def test_filters(docrelay: Run, service: Service, failed: Job) -> None:
    waiting = service.submit(collection="other", pipeline="extract")

    def ids(*options: object) -> list[str]:
        return [job["id"] for job in json.loads(docrelay("jobs", "--json", *options).out)]

    assert ids("-s", "failed") == [str(failed.id)]
    assert ids("-s", "failed", "--status", "queued") == [str(waiting.id), str(failed.id)]
    assert ids("-c", "other") == [str(waiting.id)]
    assert ids("-p", "index") == [str(failed.id)]
    assert ids("-n", 1) == [str(waiting.id)]


def test_json_is_what_programs_get(docrelay: Run, client: Client, failed: Job) -> None:
    shown = json.loads(docrelay("show", failed.id, "--json").out)
    assert shown == client.get(failed.id).as_dict()
    assert set(shown) >= {"id", "status", "document", "stages", "error", "waiting_because", "reason", "seconds"}
    assert shown["error"]["traceback"] == "Traceback …"


def test_show_a_failed_job(docrelay: Run, failed: Job) -> None:
    page = docrelay("show", failed.id, "--events", "--traceback").out
    assert page.startswith("broken.pdf  failed in ")
    assert "parse: it broke" in page
    assert "worker@here:1" in page
    assert "Traceback …" in page
    kinds = ["accepted", "started", "failed", "job failed"]
    assert [page.index(kind, page.index("after")) for kind in kinds] == sorted(
        page.index(kind, page.index("after")) for kind in kinds
    )


def test_show_when_the_next_try_is(docrelay: Run, service: Service) -> None:
    job = service.submit()
    service.fail(service.claim(job), ErrorClass.TRANSIENT)
    page = docrelay("show", job.id, "-e").out
    assert re.search(r"next try at \d\d:\d\d:\d\d \(in [\d.]+ s\), attempt 2 of 3, because it broke", page)
    assert "parse is tried again in" in page
    assert "next try" in page
    assert "later" in page


def test_show_progress(docrelay: Run, service: Service) -> None:
    job = service.submit()
    service.beat(service.claim(job), done=3, total=12, unit="pages")
    assert "3/12 pages" in docrelay("show", job.id).out
    assert docrelay("jobs").lines[0][4] == "parse 3/12 pages"


def test_events_as_json(docrelay: Run, failed: Job) -> None:
    events = json.loads(docrelay("show", failed.id, "--events", "--json").out)["events"]
    assert [event["kind"] for event in events] == ["accepted", "started", "failed", "job failed"]
    assert set(events[0]) == {"at", "kind", "stage", "attempt", "who", "detail"}


def test_an_id_may_be_shortened_to_its_end(docrelay: Run, failed: Job) -> None:
    assert docrelay("show", str(failed.id)[-8:]).out == docrelay("show", failed.id).out


@pytest.mark.parametrize("wrong", ["zzzzzzzz", "", "0199f0a2-0000-7000-8000-000000000000"])
def test_an_unknown_id(docrelay: Run, failed: Job, wrong: str) -> None:
    answer = docrelay("show", wrong)
    assert answer.code == 1
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1


def test_names_cannot_command_the_terminal(docrelay: Run, service: Service) -> None:
    service.submit(name="\x1b[2Jevil\n.pdf")
    for command in (["jobs"], ["collections"], ["show", service.client.jobs()[0].id]):
        assert "\x1b" not in docrelay(*command).out
    assert len(docrelay("jobs").lines) == 1


def test_collections(docrelay: Run, service: Service) -> None:
    service.submit(b"12345", collection="contracts")
    assert docrelay("collections").lines == [["contracts", "1", "0", "1", "5 B"]]
    expected = {"name": "contracts", "documents": 1, "chunks": 0, "unfinished": 1, "bytes": 5}
    assert json.loads(docrelay("collections", "--json").out) == [expected]


def test_a_search_that_nobody_answers(docrelay: Run) -> None:
    answer = docrelay("search", "anything", "--timeout", 0.3)
    assert answer.code == 1
    assert "is a worker for the queue docrelay.vectorize running?" in answer.err


def test_no_text_is_explained(docrelay: Run, service: Service) -> None:
    job = service.submit()
    service.succeed(service.claim(job), job_status=JobStatus.NO_TEXT)
    assert "no text to index" in docrelay("jobs").lines[0][6]


def test_show_names_the_pages_that_could_not_be_read(docrelay: Run, service: Service) -> None:
    job = service.submit(name="manual.pdf")
    service.sql(
        """update documents set page_count = 9, problems = '[
             {"page": 2, "message": "it is damaged"}, {"page": 7, "message": "too many pixels"},
             {"page": 3, "message": "it is damaged"}, {"page": 4, "message": "it is damaged"}]'"""
    )
    service.succeed(service.claim(job), job_status=JobStatus.PARTIAL)
    service.succeed(service.claim(job))
    page = docrelay("show", job.id).out
    assert "manual.pdf  partial" in page
    assert "4 of 9 pages could not be read; page 2: it is damaged" in page
    assert "  pages 2–4: it is damaged\n" in page
    assert "  page 7: too many pixels\n" in page
    assert docrelay("wait", job.id).code == 0
    assert docrelay("jobs", "--status", "partial").lines[0][1] == "partial"
