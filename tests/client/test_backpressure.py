"""A collection takes no more unfinished jobs than its submitters want, however many submit at once."""

import threading
import time
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import Engine, text

from docrelay import Client, CollectionFull, ConfigError, Job
from docrelay.backpressure import COUNT
from tests.client.shell import Run
from tests.transitions.service import Service, at_once

OPEN = "select count(*) as n from jobs where status in ('queued', 'running')"


def unfinished(service: Service) -> int:
    return int(service.sql(OPEN)[0]["n"])


def fill(service: Service, count: int, **wishes: Any) -> list[Job]:
    return [service.submit(**wishes) for _ in range(count)]


def test_full_is_refused_in_words(client: Client, service: Service) -> None:
    """Nothing of it remains, not even the bytes."""
    fill(service, 3)
    before = service.sql("select (select count(*) from contents) c, (select count(*) from documents) d")
    with pytest.raises(
        CollectionFull, match=r"'default' has 3 unfinished jobs, and max_unfinished=3: submit again"
    ) as e:
        client.submit(b"one more", max_unfinished=3)
    assert (e.value.collection, e.value.limit, e.value.unfinished) == ("default", 3, 3)
    with pytest.raises(CollectionFull, match="has more than 2 unfinished jobs"):
        client.submit(b"one more", max_unfinished=2)
    assert service.sql("select (select count(*) from contents) c, (select count(*) from documents) d") == before
    assert client.submit(b"one more", max_unfinished=4).status == "queued"


def test_what_does_not_count(client: Client, service: Service) -> None:
    """Jobs with an outcome, and those of other collections."""
    first, second, _ = fill(service, 3)
    fill(service, 5, collection="other")
    service.finish(first)
    service.cancel(second)
    assert client.submit(b"new", max_unfinished=2).status == "queued"
    with pytest.raises(CollectionFull):
        client.submit(b"newer", max_unfinished=2)


def test_a_key_finds_its_job_although_it_is_full(client: Client, service: Service) -> None:
    """Whoever got no answer asks again."""
    job = client.submit(b"one", key="k", max_unfinished=1)
    assert client.submit(b"one", key="k", max_unfinished=1).id == job.id


def test_many_fit_together_or_not_at_all(client: Client, service: Service) -> None:
    fill(service, 2)
    with pytest.raises(CollectionFull):
        client.submit_many([b"a", b"b", b"c"], max_unfinished=4)
    assert unfinished(service) == 2
    assert len(client.submit_many([b"a", b"b"], max_unfinished=4)) == 2


def test_in_a_transaction_of_the_callers(client: Client, engine: Engine, service: Service) -> None:
    """His own uncommitted jobs count; being refused costs him nothing else."""
    with engine.begin() as connection:
        client.submit(b"a", session=connection, max_unfinished=2)
        client.submit(b"b", session=connection, max_unfinished=2)
        with pytest.raises(CollectionFull):
            client.submit(b"c", session=connection, max_unfinished=2)
        connection.execute(text("insert into contents (sha256, size) values ('mine', 4)"))
    assert unfinished(service) == 2
    assert service.sql("select size from contents order by size") == [{"size": 1}, {"size": 1}, {"size": 4}]


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        ({"max_unfinished": 0}, "max_unfinished=0: expected 1 or more"),
        ({"max_unfinished": 5, "when_full": "panic"}, "when_full='panic': expected 'refuse' or 'wait'"),
        ({"max_unfinished": 5, "when_full": "wait", "session": "…"}, "it would hold your transaction open"),
    ],
)
def test_wrong_wishes(client: Client, wishes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        client.submit(b"x", **wishes)
    assert says in str(error.value)


def test_more_than_ever_fit(client: Client) -> None:
    with pytest.raises(ConfigError, match="3 documents at once never fit into max_unfinished=2"):
        client.submit_many([b"a", b"b", b"c"], max_unfinished=2, when_full="wait")


@pytest.mark.parametrize("round_", range(5))
def test_of_many_at_once_as_many_as_fit_are_taken(
    client: Client, engine: Engine, service: Service, round_: int
) -> None:
    """Single ones, pairs, and some in transactions of their own: never one too many, and none too few."""
    fill(service, 2)

    def in_a_transaction(number: int) -> None:
        with engine.begin() as connection:
            client.submit(f"t{number}".encode(), session=connection, max_unfinished=10)
            time.sleep(0.02)  # holds the others up, as callers' transactions do

    works: list[Any] = [lambda n=n: client.submit(f"s{n}".encode(), max_unfinished=10) for n in range(12)]
    works += [lambda n=n: client.submit_many([f"a{n}".encode(), f"b{n}".encode()], max_unfinished=10) for n in range(4)]
    works += [lambda n=n: in_a_transaction(n) for n in range(4)]
    results = at_once(*works)
    kinds = Counter(type(result).__name__ for result in results if isinstance(result, Exception))
    assert set(kinds) == {"CollectionFull"}
    assert unfinished(service) == 10


def test_waiting_ends_when_there_is_room(client: Client, service: Service) -> None:
    """It is told, and does not only look now and then."""
    first, *_ = fill(service, 3)
    timer = threading.Timer(0.5, service.cancel, (first,))
    timer.start()
    started = time.monotonic()
    job = client.submit(b"patient", max_unfinished=3, when_full="wait", timeout=30)
    assert 0.4 < time.monotonic() - started < 1.9
    assert job.status == "queued"
    timer.join()


def test_waiting_is_bounded(client: Client, service: Service) -> None:
    fill(service, 1)
    started = time.monotonic()
    with pytest.raises(CollectionFull, match=r"'default' after 0.5 s still has 1 unfinished job,"):
        client.submit(b"patient", max_unfinished=1, when_full="wait", timeout=0.5)
    assert 0.4 < time.monotonic() - started < 5


def test_many_that_wait_all_get_their_turn(client: Client, service: Service) -> None:
    """Ten submitters, room for three, and a service that ends one job after another."""
    seen: list[int] = []
    over = threading.Event()

    def work_off() -> None:
        while not over.is_set() or unfinished(service):
            seen.append(unfinished(service))
            for row in service.sql("select id from jobs where status = 'queued' order by id limit 1"):
                service.finish(client.get(row["id"]))

    worker = threading.Thread(target=work_off)
    worker.start()
    try:
        results = at_once(
            *[
                lambda n=n: client.submit(f"{n}".encode(), max_unfinished=3, when_full="wait", timeout=60)
                for n in range(10)
            ]
        )
    finally:
        over.set()
        worker.join(60)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert max(seen) <= 3
    assert service.sql("select count(*) as n from jobs where status = 'succeeded'") == [{"n": 10}]


def test_counting_reads_one_index(service: Service) -> None:
    """Whatever else there is in the table."""
    service.sql("insert into contents (sha256, size) select sha256(n::text::bytea), 1 from generate_series(1, 5000) n")
    service.sql(
        "insert into documents (id, collection, sha256, name, size) "
        "select gen_random_uuid(), 'c' || n % 50, sha256(n::text::bytea), 'x', 1 from generate_series(1, 5000) n"
    )
    service.sql(
        "insert into jobs (id, document_id, collection, name, pipeline, fingerprint, status) "
        "select gen_random_uuid(), id, collection, 'x', 'extract', '', case when random() < 0.8 then 'succeeded' "
        "else 'queued' end from documents"
    )
    with service.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze jobs"))
        plan = "\n".join(connection.scalars(text(f"explain {COUNT.text}"), {"collection": "c7", "most": 11}).all())
    assert "Index Only Scan using ix_jobs_unfinished" in plan
    assert "Index Cond: (collection = 'c7'" in plan


def test_the_command(docrelay: Run, service: Service, tmp_path: Any) -> None:
    """Exit status 5, and one line."""
    paper = tmp_path / "paper.txt"
    paper.write_text("paper")
    fill(service, 1)
    refused = docrelay("submit", str(paper), "--max-unfinished", "1")
    assert (refused.code, "has 1 unfinished job," in refused.err) == (5, True)
    waited = docrelay("submit", str(paper), "--max-unfinished", "1", "--when-full", "wait", "--timeout", "0.3")
    assert (waited.code, "after 0.3 s still" in waited.err) == (5, True)
    assert docrelay("submit", str(paper), "--max-unfinished", "2").code == 0
