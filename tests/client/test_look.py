"""Looking at jobs, collections and history, and changing what is there."""

import pytest
from sqlalchemy import inspect

from docrelay import Client, Conflict, JobStatus, NotFound
from docrelay.names import ErrorClass
from tests.transitions.service import SWEEPER, WORKER, Service


def test_jobs_are_filtered_and_the_newest_comes_first(client: Client, service: Service) -> None:
    one = client.submit(b"1", collection="a")
    two = client.submit(b"2", collection="a", pipeline="extract")
    three = client.submit(b"3", collection="b")
    service.claim(two)
    service.finish(three)
    assert [job.id for job in client.jobs()] == [three.id, two.id, one.id]
    assert [job.id for job in client.jobs(limit=2)] == [three.id, two.id]
    assert [job.id for job in client.jobs(status="running")] == [two.id]
    assert [job.id for job in client.jobs(status=JobStatus.QUEUED)] == [one.id]
    assert [job.id for job in client.jobs(status=["queued", JobStatus.SUCCEEDED])] == [three.id, one.id]
    assert [job.id for job in client.jobs(collection="a")] == [two.id, one.id]
    assert [job.id for job in client.jobs(pipeline="extract")] == [two.id]
    assert [job.id for job in client.jobs(ids=[one.id, three.id])] == [three.id, one.id]
    assert client.jobs(ids=[]) == []
    assert client.jobs(collection="a", status="succeeded") == []
    assert client.jobs(ids=[two.id])[0] == client.get(two.id)


def test_a_status_that_does_not_exist(client: Client) -> None:
    with pytest.raises(ValueError, match="'done' is not a valid JobStatus"):
        client.jobs(status="done")


def test_history_says_who_did_what(client: Client, service: Service) -> None:
    job = client.submit(b"hello")
    service.lose(service.claim(job))
    client.cancel(job.id)
    client.retry(job.id)
    events = client.events(str(job.id))
    assert [(event.kind, event.stage, event.attempt, event.who) for event in events] == [
        ("accepted", None, None, "client"),
        ("started", "parse", 1, WORKER),
        ("lease ran out", "parse", 1, SWEEPER),
        ("job cancelled", None, None, "client"),
        ("retry asked for", None, None, "client"),
    ]


def test_collections_in_numbers(client: Client, service: Service) -> None:
    assert client.collections() == []
    client.submit(b"12345", collection="b")
    document = client.submit(b"123", collection="a").document
    client.submit(b"1234", collection="a")
    client.submit(b"123", collection="a")
    for ordinal in range(3):
        service.sql(CHUNK, id=document.id, ordinal=ordinal)
    service.finish(client.jobs(collection="b")[0])
    a, b = client.collections()
    assert (a.name, a.documents, a.bytes, a.chunks, a.unfinished) == ("a", 2, 7, 3, 3)
    assert (b.name, b.documents, b.bytes, b.chunks, b.unfinished) == ("b", 1, 5, 0, 0)


CHUNK = """
    insert into chunks (generation, id, document_id, ordinal, page_first, page_last, span_start, span_end, tokens, text,
                        text_hash)
    values (1, gen_random_uuid(), :id, :ordinal, 1, 1, 0, 1, 1, 'x', '\\x00')
"""


class TestCancel:
    def test_twice_is_once(self, client: Client) -> None:
        job = client.submit(b"hello")
        assert client.cancel(job.id).status == "cancelled"
        assert client.cancel(job.id).status == "cancelled"
        assert len(client.events(job.id)) == 2

    def test_of_a_finished_job(self, client: Client, service: Service) -> None:
        job = client.submit(b"hello")
        service.finish(job)
        with pytest.raises(Conflict, match="is succeeded; only queued and running jobs can be cancelled"):
            client.cancel(job.id)


class TestRetry:
    def test_of_a_stage(self, client: Client, service: Service) -> None:
        job = client.submit(b"hello")
        service.succeed(service.claim(job))
        service.fail(service.claim(job), ErrorClass.PERMANENT)
        with pytest.raises(NotFound, match="has no stage 'ocr'; it has parse, vectorize, notify"):
            client.retry(job.id, from_stage="ocr")
        again = client.retry(job.id, from_stage="parse")
        assert (again.status, again.stages[0].status) == ("queued", "ready")

    def test_of_a_job_that_goes_on(self, client: Client) -> None:
        job = client.submit(b"hello")
        with pytest.raises(Conflict, match="is queued; only jobs that ended without full success can be retried"):
            client.retry(job.id)


class TestDelete:
    def test_removes_vectors_that_nobody_shares(self, client: Client, service: Service) -> None:
        one, other = (client.submit(data).document.id for data in (b"one", b"other"))
        service.sql("insert into models values (1, 'm', '1', 'float32', 1)")
        for digest in ("\\x00", "\\x01"):
            service.sql("insert into embeddings values (1, cast(:h as bytea), '[1]')", h=digest)
        service.sql(CHUNK, id=one, ordinal=0)
        service.sql(CHUNK.replace("x00", "x01"), id=one, ordinal=1)
        service.sql(CHUNK, id=other, ordinal=0)
        client.delete(one)
        assert service.sql("select text_hash from embeddings") == [{"text_hash": b"\0"}]
        client.delete(other)
        assert service.sql("select 1 from embeddings") == []

    def test_removes_every_row(self, client: Client, service: Service) -> None:
        job = client.submit(b"hello", notify=["http://one.example/hook"])
        service.finish(job)
        document_id = job.document.id
        service.sql("insert into pages (document_id, number, text) values (:id, 1, 'x')", id=document_id)
        service.sql(CHUNK, id=document_id, ordinal=0)
        ours = {*inspect(service.engine).get_table_names()} - {"alembic_version", "pipelines", "generations"}
        filled = {table for table in ours if service.sql(f"select 1 from {table} limit 1")}
        assert filled == {
            *("documents", "contents", "pieces", "pages", "chunks"),
            *("jobs", "stage_runs", "attempts", "events", "deliveries"),
        }
        client.delete(document_id)
        assert {table for table in filled if service.sql(f"select 1 from {table} limit 1")} == set()
        with pytest.raises(NotFound, match="there is no document"):
            client.delete(document_id)

    def test_stops_the_work_on_it_and_leaves_the_others(self, client: Client, service: Service) -> None:
        job, waiting, other = client.submit(b"hello"), client.submit(b"hello"), client.submit(b"other")
        held = service.claim(job)
        client.delete(str(job.document.id))
        assert not service.beat(held)
        assert [left.id for left in client.jobs()] == [other.id]
        with pytest.raises(NotFound):
            client.get(waiting.id)
