"""Submitting: what is accepted, what is refused, and what happens when it is done twice."""

import hashlib
import json
import uuid
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from docrelay import Client, ConfigError, JobStatus, SourceError, Unavailable, database, sources
from tests.transitions.service import Service, at_once


def test_a_job_has_what_was_asked_for(client: Client) -> None:
    job = client.submit(
        b"hello",
        name="hello.txt",
        collection="notes",
        metadata={"year": 2024, "tags": ["a", None], "path": "C:\\u0000ffice"},
        pipeline="extract",
        priority=9,
        key="k1",
        notify=["https://one.example/hook"],
    )
    assert (job.status, job.pipeline, job.priority, job.key) == (JobStatus.QUEUED, "extract", 9, "k1")
    assert (job.document.name, job.document.collection, job.document.size) == ("hello.txt", "notes", 5)
    assert job.document.sha256 == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert job.document.metadata == {"year": 2024, "tags": ["a", None], "path": "C:\\u0000ffice"}
    assert [(stage.name, stage.status) for stage in job.stages] == [("parse", "ready"), ("notify", "waiting")]
    (event,) = client.events(job.id)
    assert (event.kind, event.who, event.detail) == ("accepted", "client", {"pipeline": "extract", "priority": 9})
    assert json.loads(json.dumps(job.as_dict()))["document"]["name"] == "hello.txt"


def test_names_that_postgres_does_not_take_are_mended(client: Client) -> None:
    assert client.submit(b"1", name="a\0b.txt").document.name == "ab.txt"
    assert client.submit(b"2", name="caf\udce9.txt").document.name == "caf?.txt"


def test_metadata_is_replaced_when_given_and_kept_when_not(client: Client) -> None:
    client.submit(b"same", metadata={"v": 1})
    assert client.submit(b"same").document.metadata == {"v": 1}
    assert client.submit(b"same", metadata={"v": 2}).document.metadata == {"v": 2}


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        ({"priority": 0}, "priority=0: expected 1 to 10"),
        ({"priority": 11}, "priority=11: expected 1 to 10"),
        ({"collection": ""}, "collection=''"),
        ({"collection": "a\0b"}, "collection="),
        ({"key": ""}, "key=''"),
        ({"key": "a\0"}, "key="),
        ({"pipeline": "nope"}, "pipeline='nope' is unknown; known: extract, index, reembed"),
        ({"pipeline": "a\0"}, "pipeline="),
        ({"notify": "https://one.example"}, "expected a list of targets"),
        ({"notify": ["ftp://one.example"]}, "notify='ftp://…': expected an http"),
        ({"notify": ["http://one.example/\0"]}, "expected an http"),
        ({"notify": ["http://one.example/a\r\nx: 1"]}, "expected an http"),
        ({"notify": ["https://user:word@one.example/"]}, "notify='https://…': expected an http"),
        ({"notify": ["slack://token/token/token"]}, "notify='slack://…': expected an http"),
        ({"notify": ["mailto:a@one.example?bcc=b@two.example"]}, "expected an http"),
        ({"notify": ["mailto:a@one.example\nBcc: b@two.example"]}, "expected an http"),
        ({"notify": ["@"]}, "expected an http"),
        ({"metadata": {"when": object()}}, "metadata: expected what JSON can hold"),
        ({"metadata": {"x": float("nan")}}, "metadata: expected what JSON can hold"),
        ({"metadata": {"x": "\ud800"}}, "metadata: expected what JSON can hold"),
        ({"metadata": {"x": "a\0b"}}, "metadata: a text holds a NUL character"),
    ],
)
def test_wrong_wishes_are_refused_in_words(client: Client, wishes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        client.submit(b"hello", **wishes)
    assert says in str(error.value)
    assert client.jobs() == []
    assert client.collections() == []


def test_a_key_gives_the_same_job_whatever_comes_with_it(client: Client) -> None:
    job = client.submit(b"one", key="k")
    assert client.submit(b"two", key="k", collection="other").id == job.id
    assert [collection.documents for collection in client.collections()] == [1]
    assert client.submit(b"one", key="other").id != job.id


def test_a_key_by_many_at_once_makes_one_job(client: Client) -> None:
    jobs = at_once(*[lambda n=n: client.submit(f"text {n}".encode(), key="k") for n in range(5)])
    assert len({job.id for job in jobs}) == 1
    assert len(client.jobs()) == 1


def test_the_same_bytes_by_many_at_once_are_one_document(client: Client, service: Service) -> None:
    jobs = at_once(*[lambda: client.submit(b"same")] * 5)
    assert len({job.id for job in jobs}) == 5
    assert len({job.document.id for job in jobs}) == 1
    ready = service.sql("select job_id from stage_runs where status = 'ready'")
    assert [row["job_id"] for row in ready] == [min(job.id for job in jobs)]


class TestAgain:
    """Identical bytes, collection and pipeline, already through: nothing is computed."""

    @pytest.mark.parametrize("end", ["succeeded", "no_text"])
    def test_is_answered_at_once(self, client: Client, service: Service, end: str) -> None:
        first = client.submit(b"same")
        if end == "no_text":
            service.succeed(service.claim(first), job_status=JobStatus.NO_TEXT)
        service.finish(first)
        again = client.submit(b"same", name="copy.txt", notify=["http://one.example/hook"])
        assert (again.status, again.same_as, again.document.name) == (end, first.id, "copy.txt")
        assert [stage.status for stage in again.stages] == ["skipped", "skipped", "ready"]
        assert client.wait(again.id, timeout=0).ok
        assert service.deliveries(again)[0]["payload"]["data"] == {
            "job_id": str(again.id),
            "status": end,
            "document": "copy.txt",
            "collection": "default",
        }
        assert [event.kind for event in client.events(again.id)] == ["accepted", "answered by an identical job"]

    def test_is_worked_if_the_first_failed_or_another_result_is_due(self, client: Client, service: Service) -> None:
        first = client.submit(b"same")
        service.cancel(first)
        second = client.submit(b"same")
        assert second.same_as is None
        service.finish(second)
        assert client.submit(b"same", pipeline="extract").same_as is None
        assert client.submit(b"same", collection="other").same_as is None

    def test_is_worked_if_a_newer_parser_would_give_another_result(self, client: Client, service: Service) -> None:
        service.finish(client.submit(b"same"))
        service.sql("update pipelines set fingerprint = 'a newer parser'")
        newer = client.submit(b"same")
        assert (newer.same_as, newer.stages[0].status) == (None, "ready")


class TestMany:
    def test_come_in_the_given_order(self, client: Client, tmp_path: Path) -> None:
        for number in range(7):
            (tmp_path / f"{number}.txt").write_text(f"text {number}")
        paths = sorted(tmp_path.iterdir(), reverse=True)
        jobs = client.submit_many([*paths, paths[0]], collection="many", priority=3)
        assert [job.document.name for job in jobs] == [path.name for path in [*paths, paths[0]]]
        assert {(job.priority, job.document.collection) for job in jobs} == {(3, "many")}
        assert jobs[0].document.id == jobs[-1].document.id
        assert jobs[-1].stages[0].status == "waiting"

    def test_the_same_bytes_twice_wait_for_each_other(self, client: Client, service: Service) -> None:
        twin, _other, copy = client.submit_many([b"twin", b"other", b"twin"])
        assert [job.status for job in client.jobs()] == [JobStatus.QUEUED] * 3
        assert (copy.document.id, copy.stages[0].status) == (twin.document.id, "waiting")
        assert client.events(copy.id)[0].detail["behind"] == str(twin.id)
        service.finish(twin)
        assert client.get(copy.id).stages[0].status == "ready"

    def test_those_that_have_been_through_are_answered(self, client: Client, service: Service) -> None:
        before = client.submit(b"old")
        service.finish(before)
        again, new, third = client.submit_many([b"old", b"new", b"old"], notify=["http://one.example/hook"])
        assert [job.same_as for job in (again, new, third)] == [before.id, None, before.id]
        assert [len(service.deliveries(job)) for job in (again, new, third)] == [1, 0, 1]
        assert new.stages[0].status == "ready"

    def test_more_than_share_a_statement(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(database, "BATCH", 3)
        sources = [f"text {number}".encode() for number in range(8)]
        jobs = client.submit_many([*sources, sources[0], sources[7]])
        hashes = [hashlib.sha256(source).hexdigest() for source in sources]
        assert [job.document.sha256 for job in jobs] == [*hashes, hashes[0], hashes[7]]
        assert sorted(job.id for job in jobs) == [job.id for job in jobs]
        assert [job.stages[0].status for job in jobs] == ["ready"] * 8 + ["waiting"] * 2

    def test_none_are_no_trouble(self, client: Client) -> None:
        assert client.submit_many([]) == []

    def test_two_with_the_same_documents_in_another_order_do_not_lock_each_other_out(
        self, client: Client, service: Service
    ) -> None:
        sources = [f"text {number}".encode() for number in range(300)]
        results = at_once(
            partial(client.submit_many, sources),
            partial(client.submit_many, sources[::-1]),
            partial(client.submit_many, sources[150:] + sources[:150]),
        )
        assert [len(result) for result in results] == [300] * 3, results
        (row,) = service.sql("select deadlocks from pg_stat_database where datname = current_database()")
        assert row["deadlocks"] == 0

    def test_are_all_accepted_or_none(self, client: Client, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="does not exist"):
            client.submit_many([b"one", b"two", tmp_path / "missing.pdf"])
        assert client.jobs() == []

    def test_are_all_taken_back_when_one_cannot_be_stored(
        self, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "a.txt"
        path.write_text("before")

        def measure(source: Any) -> Any:
            measured = original(source)
            if source == path:
                path.write_text("after")  # between measuring and storing
            return measured

        original = sources.measure
        monkeypatch.setattr("docrelay.client.measure", measure)
        with pytest.raises(SourceError, match=r"a\.txt changed while it was read"):
            client.submit_many([b"one", path, b"two"])
        assert client.jobs() == []
        assert client.collections() == []


class TestInYourTransaction:
    @pytest.mark.parametrize("orm", [False, True])
    def test_nothing_is_there_before_you_commit(
        self, client: Client, engine: Engine, service: Service, orm: bool
    ) -> None:
        with Session(engine) if orm else engine.connect() as session:
            job = client.submit(b"hello", session=session)
            assert job.status is JobStatus.QUEUED
            assert client.jobs() == []
            session.commit()
        assert client.get(job.id) == job

    def test_the_same_bytes_twice_wait_for_each_other(self, client: Client, engine: Engine) -> None:
        with engine.begin() as session:
            jobs = [client.submit(b"same", session=session) for _ in range(2)]
        assert [client.get(job.id).stages[0].status for job in jobs] == ["ready", "waiting"]

    @pytest.mark.parametrize("orm", [False, True])
    def test_a_rollback_leaves_nothing(self, client: Client, engine: Engine, service: Service, orm: bool) -> None:
        with Session(engine) if orm else engine.connect() as session:
            client.submit(b"hello", session=session)
            session.rollback()
        for table in ("jobs", "documents", "contents", "pieces", "stage_runs", "events"):
            assert service.sql(f"select 1 from {table}") == []


def test_a_database_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        database.transact, "__kwdefaults__", {**(database.transact.__kwdefaults__ or {}), "patience": 0}
    )
    with Client("postgresql://nobody:secret@127.0.0.1:1/nothing") as client:
        with pytest.raises(Unavailable, match="the database cannot be reached") as error:
            client.submit(b"hello")
        assert "secret" not in str(error.value)
        with pytest.raises(Unavailable):
            client.wait(uuid.uuid4())
        with pytest.raises(Unavailable):
            client.search("anything")


class TestUrl:
    @pytest.mark.parametrize("url", ["mysql://host/db", "no url at all", "postgresql://host:port/db"])
    def test_of_something_else_is_refused_without_repeating_it(self, url: str) -> None:
        with pytest.raises(ConfigError):
            Client(url)

    def test_comes_from_the_argument_the_variable_or_the_home(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DOCRELAY_DATABASE_URL", raising=False)
        monkeypatch.setenv("DOCRELAY_HOME", str(tmp_path))
        with pytest.raises(ConfigError, match="no database: set DOCRELAY_DATABASE_URL="):
            Client()
        (tmp_path / "database-url").write_text("postgresql://home/db\n")
        assert Client().url == "postgresql://home/db"
        monkeypatch.setenv("DOCRELAY_DATABASE_URL", "postgresql://variable/db")
        assert Client().url == "postgresql://variable/db"
        assert Client("postgresql://argument/db").url == "postgresql://argument/db"
