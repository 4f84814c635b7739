"""Searching: the vector is asked of the service, the nearest chunks come from Postgres."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import insert

from docrelay import Client, SearchUnavailable
from docrelay import tables as t
from docrelay.changes import Listener
from docrelay.ids import new_id
from docrelay.names import Channel
from tests.transitions.service import Service

TEXTS = {"east": [1.0, 0.0, 0.0], "north": [0.0, 1.0, 0.0], "north east": [1.0, 1.0, 0.0], "down": [0.0, 0.0, -1.0]}
ANSWER = "update queries set model_id = :model, vector = cast(:vector as vector) where id = cast(:id as uuid)"


@pytest.fixture
def model_id(service: Service) -> int:
    """A model of three dimensions."""
    values = {"name": "compass", "revision": "1", "arithmetic": "float32", "dimension": 3}
    made = int(service.run(lambda c: c.execute(insert(t.Model).values(values).returning(t.Model.id)).scalar_one()))
    service.sql("update generations set model_id = :id where status = 'active'", id=made)
    return made


def store(client: Client, service: Service, model_id: int, collection: str) -> None:
    """A document with one chunk for each of the texts."""
    document = client.submit(b"compass", name="compass.txt", collection=collection).document
    rows = []
    for number, (text, vector) in enumerate(TEXTS.items()):
        digest = hashlib.sha256(text.encode()).digest()
        service.sql(
            "insert into embeddings (model_id, text_hash, vector) values (:model, :hash, cast(:vector as vector)) "
            "on conflict do nothing",
            model=model_id,
            hash=digest,
            vector=str(vector),
        )
        chunk = {
            "generation": 1,
            "id": new_id(),
            "document_id": document.id,
            "ordinal": number,
            "tokens": 2,
            "heading": "Winds",
        }
        place = {"page_first": number + 1, "page_last": number + 2, "span_start": 5, "span_end": 9}
        rows.append({**chunk, **place, "tokens": 2, "heading": "Winds", "text": text, "text_hash": digest})
    service.run(lambda connection: connection.execute(insert(t.Chunk), rows))


@contextmanager
def answering(url: str, answer: Callable[[str], object], channel: Channel = Channel.QUERY) -> Iterator[None]:
    """Somebody who answers one query, told of it as the service is."""

    def serve(listener: Listener) -> None:
        with listener:
            for _, query_id in listener.wait(10):
                answer(query_id)

    thread = threading.Thread(target=serve, args=[Listener(url, channel)])
    thread.start()
    yield
    thread.join(10)


def test_the_nearest_come_first(client: Client, service: Service, url: str, model_id: int) -> None:
    for collection in ("one", "two"):
        store(client, service, model_id, collection)

    def answer(query_id: str) -> None:
        assert service.sql("select text from queries") == [{"text": "where the wind?blows"}]
        service.sql(ANSWER, id=query_id, model=model_id, vector="[2, 1, 0]")
        service.sql("select pg_notify('docrelay_answer', :id)", id=query_id)

    started = time.monotonic()
    with answering(url, answer):
        hits = client.search("where the \0wind\ud800blows", collection="two", mode="vector", limit=3)
    assert time.monotonic() - started < 5
    assert [hit.text for hit in hits] == ["north east", "east", "north"]
    assert [round(hit.score, 3) for hit in hits] == [0.949, 0.894, 0.447]
    assert {hit.document.collection for hit in hits} == {"two"}
    assert (hits[1].document.name, hits[1].page, hits[1].page_last, hits[1].span) == ("compass.txt", 1, 2, (5, 9))
    assert hits[1].heading == "Winds"
    assert service.sql("select 1 from queries") == []


def test_in_all_collections(client: Client, service: Service, url: str, model_id: int) -> None:
    for collection in ("one", "two"):
        store(client, service, model_id, collection)
    with answering(url, lambda id_: service.sql(ANSWER, id=id_, model=model_id, vector="[1, 0, 0]")):
        hits = client.search("anything", mode="vector", limit=3)  # even if nobody calls: it looks now and then
    assert [hit.text for hit in hits] == ["east", "east", "north east"]


def test_nobody_answers(client: Client, service: Service) -> None:
    started = time.monotonic()
    with pytest.raises(SearchUnavailable, match=r"within 0\.5 s: is a worker for the queue docrelay.vectorize running"):
        client.search("anything", timeout=0.5)
    assert 0.5 <= time.monotonic() - started < 3
    assert service.sql("select 1 from queries") == []


def test_the_model_fails(client: Client, service: Service, url: str) -> None:
    def answer(query_id: str) -> None:
        service.sql("update queries set error = 'out of memory' where id = cast(:id as uuid)", id=query_id)

    with answering(url, answer), pytest.raises(SearchUnavailable, match="could not be computed: out of memory"):
        client.search("anything")
    assert service.sql("select 1 from queries") == []


def test_a_new_order(client: Client, service: Service, url: str, model_id: int) -> None:
    """Equal scores keep the order of the words."""
    store(client, service, model_id, "one")
    scores = "update rerankings set scores = cast(:scores as float[]) where id = cast(:id as uuid)"

    def answer(request: str) -> None:
        asked = service.sql("select query, passages from rerankings")
        assert asked == [{"query": "north -down?", "passages": ["north", "north east"]}]
        service.sql(scores, id=request, scores="{0.25,0.75}")

    with answering(url, answer, Channel.RERANK):
        hits = client.search("north -down\ud800", mode="text", rerank=True)
    assert [(hit.text, hit.score) for hit in hits] == [("north east", 0.75), ("north", 0.25)]
    assert all(hit.relevance for hit in hits)
    with answering(url, lambda id_: service.sql(scores, id=id_, scores="{0.5,0.5}"), Channel.RERANK):
        hits = client.search("north", mode="text", rerank=True)
    assert [hit.text for hit in hits] == ["north", "north east"]
    assert service.sql("select 1 from rerankings") == []


def test_nobody_reranks(client: Client, service: Service, model_id: int) -> None:
    store(client, service, model_id, "one")
    started = time.monotonic()
    with pytest.raises(SearchUnavailable, match=r"not re-ranked in time .* DOCRELAY_RERANK_MODEL"):
        client.search("north", mode="text", rerank=True, timeout=0.5)
    assert 0.5 <= time.monotonic() - started < 3
    assert service.sql("select 1 from rerankings") == []
