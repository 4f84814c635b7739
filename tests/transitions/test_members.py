"""Documents inside documents: a job for each, once; ended, removed and counted with what they were found in."""

import json
from collections.abc import Sequence

import pytest

from docrelay import Client, Conflict, Job, JobFailed, JobStatus, NotFound, WaitTimeout, members
from docrelay.names import ErrorClass
from tests.client.shell import Run
from tests.transitions.service import Service, at_once

HOOK = "http://one.example/hook"
FILES = [("a/one.txt", "one.txt", b"one"), ("b/two.txt", "two.txt", b"two")]


def adopt(
    service: Service, job: Job, files: Sequence[tuple[str, str, bytes]] = FILES, *, most: int = 100, size: int = 1000
) -> tuple[Job, int]:
    """What the closing of parse does; the job, and how many were left out."""
    found = members.found(files)
    limit = members.Most(most, size)
    left_out = service.run(lambda c: members.adopt(c, job.id, found, "", most=limit, who="worker@here:1"))
    service.sql("update documents set members = :n where id = :id", n=len(files), id=job.document.id)
    return service.job(job), left_out


def inside(service: Service, job: Job) -> list[Job]:
    return [service.client.get(child.id) for child in service.job(job).children]


def test_each_gets_a_document_and_a_job_like_its_containers(service: Service) -> None:
    job = service.submit(priority=8, collection="c", pipeline="extract", notify=[HOOK])
    job, left_out = adopt(service, job)
    assert left_out == 0
    assert [(child.name, child.member, child.status) for child in job.children] == [
        ("one.txt", "a/one.txt", "queued"),
        ("two.txt", "b/two.txt", "queued"),
    ]
    for child in inside(service, job):
        assert (child.parent, child.depth, child.priority, child.pipeline) == (job.id, 1, 8, "extract")
        assert child.document.collection == "c"
        assert service.statuses(child) == ["ready", "waiting"]
        event = service.events(child)[0]
        assert (event.kind, event.who, event.detail["found in"]) == ("accepted", "worker@here:1", str(job.id))
        service.finish(child)
        assert [row["target"] for row in service.deliveries(child)] == [HOOK]
    (deeper, _) = adopt(service, inside(service, job)[0])
    assert [child.depth for child in inside(service, deeper)] == [2, 2]


def test_once_however_often_the_container_is_read(service: Service) -> None:
    job, _ = adopt(service, service.submit())
    before = job.children
    again, _ = adopt(service, job, [*FILES, ("a/one.txt", "one.txt", b"another with this path")])
    assert again.children[:2] == before
    assert [child.member for child in again.children] == ["a/one.txt", "b/two.txt", "a/one.txt#2"]


def test_bytes_that_are_known_are_the_known_document(service: Service) -> None:
    known = service.submit(b"one", collection="c")
    service.finish(known)
    job, _ = adopt(service, service.submit(collection="c"))
    child = inside(service, job)[0]
    assert (child.document.id, child.same_as, child.status) == (known.document.id, known.id, "succeeded")


def test_two_containers_that_share_members_do_not_wait_for_each_other(service: Service) -> None:
    jobs = [service.submit(), service.submit()]
    orders = [FILES, FILES[::-1]]
    results = at_once(*[lambda n=n: adopt(service, jobs[n], orders[n]) for n in (0, 1)])
    assert [left_out for _, left_out in results] == [0, 0]
    assert len(service.sql("select id from documents")) == 4


def test_one_submission_gets_so_many_in_all_depths(service: Service) -> None:
    job, left_out = adopt(service, service.submit(), most=3)
    assert left_out == 0
    child, left_out = adopt(service, inside(service, job)[0], [("3", "3", b"3"), ("4", "4", b"4")], most=3)
    assert (len(child.children), left_out) == (1, 1)


def test_one_submission_gets_so_many_bytes_in_all_depths(service: Service) -> None:
    job, left_out = adopt(service, service.submit(), size=10)
    assert left_out == 0
    deeper = [("large", "large", b"12345"), ("small", "small", b"1234"), ("none", "none", b"123")]
    child, left_out = adopt(service, inside(service, job)[0], deeper, size=10)
    assert ([each.member for each in child.children], left_out) == (["small"], 2)


def test_a_job_that_was_answered_shows_the_members_of_the_first(service: Service) -> None:
    job, _ = adopt(service, service.submit(b"zip"))
    service.finish(job)
    again = service.submit(b"zip")
    assert again.same_as == job.id
    assert [child.id for child in again.children] == [child.id for child in job.children]


@pytest.mark.parametrize("over", [False, True])
def test_cancelling_ends_what_is_inside_too(service: Service, over: bool) -> None:
    job, _ = adopt(service, service.submit())
    first, second = inside(service, job)
    adopt(service, second, [("deep.txt", "deep.txt", b"deep")])
    (deep,) = inside(service, second)
    service.finish(first)
    if over:
        service.finish(job)
    cancelled = service.client.cancel(job.id)
    assert cancelled.status == ("succeeded" if over else "cancelled")
    assert [service.status(each) for each in (first, second, deep)] == ["succeeded", "cancelled", "cancelled"]
    if over:
        with pytest.raises(Conflict):
            service.client.cancel(job.id)


def test_removing_takes_what_nobody_else_asked_for(service: Service) -> None:
    job, _ = adopt(service, service.submit())
    first, second = inside(service, job)
    adopt(service, second, [("deep.txt", "deep.txt", b"deep")])
    (deep,) = inside(service, second)
    mine = service.submit(b"one")
    assert mine.document.id == first.document.id
    service.client.delete(job.document.id)
    assert service.job(first).parent is None
    for gone in (job, second, deep):
        with pytest.raises(NotFound):
            service.job(gone)
    left = service.sql("select sha256 from contents")
    assert [bytes(row["sha256"]).hex() for row in left] == [first.document.sha256]


def test_a_member_of_two_containers_stays_with_the_other(service: Service) -> None:
    one, _ = adopt(service, service.submit())
    other, _ = adopt(service, service.submit())
    service.client.delete(one.document.id)
    assert [child.member for child in service.job(other).children] == ["a/one.txt", "b/two.txt"]
    service.client.delete(other.document.id)
    assert service.sql("select id from documents") == []


def test_the_members_of_what_is_replaced_go_with_it(service: Service) -> None:
    old, _ = adopt(service, service.submit())
    new = service.submit(replaces=old.document.id)
    service.finish(new)
    assert [row["id"] for row in service.sql("select id from documents")] == [new.document.id]


def test_waiting_for_all(service: Service, docrelay: Run) -> None:
    job, _ = adopt(service, service.submit(name="all.zip"))
    first, second = inside(service, job)
    service.finish(job)
    service.finish(first)
    with pytest.raises(WaitTimeout):
        service.client.wait(job.id, timeout=0.2, children=True)
    assert docrelay("wait", job.id, "--timeout", 0.2).code == 0
    assert docrelay("wait", job.id, "--children", "--timeout", 0.2).code == 4
    service.fail(service.claim(second), ErrorClass.PERMANENT)
    with pytest.raises(JobFailed, match=r"two\.txt"):
        service.client.wait(job.id, timeout=5, children=True)
    answer = docrelay("wait", job.id, "--children")
    assert (answer.code, len(answer.lines)) == (3, 3)
    assert service.client.wait(job.id, timeout=5).status is JobStatus.SUCCEEDED


def test_show_has_both_directions(service: Service, docrelay: Run, client: Client) -> None:
    job, _ = adopt(service, service.submit(name="all.zip"))
    page = docrelay("show", job.id).out
    assert "2 documents inside" in page
    assert f"{job.children[0].id}" in page
    assert "a/one.txt" in page
    child = docrelay("show", job.children[0].id).out
    assert f"found in   job {job.id}, as a/one.txt" in child
    values = json.loads(docrelay("show", job.id, "--json").out)
    assert values["children"][1]["member"] == "b/two.txt"
    assert client.get(job.id).children == job.children
