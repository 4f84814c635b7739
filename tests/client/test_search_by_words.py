"""Searching by words, and both rankings together."""

import hashlib
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from docrelay import Client, ConfigError, NotFound
from docrelay import tables as t
from docrelay.ids import new_id
from docrelay.search.fusion import fuse
from docrelay.search.words import read_query
from docrelay.views import Hit
from tests.client.test_search import ANSWER, answering
from tests.transitions.service import Service

Store = Callable[..., uuid.UUID]


@pytest.fixture
def store(client: Client, service: Service) -> Store:
    """Makes a document of passages, and gives its id."""

    def make(*passages: str, collection: str = "default", metadata: dict[str, object] | None = None) -> uuid.UUID:
        data = "\n\n".join(passages).encode() + collection.encode()
        document = client.submit(data, name="some.txt", collection=collection, metadata=metadata).document
        place = {
            "generation": 1,
            "document_id": document.id,
            "page_first": 1,
            "page_last": 1,
            "span_start": 0,
            "span_end": 1,
        }
        rows = [
            {**place, "id": new_id(), "ordinal": number, "tokens": len(passage.split()), "text": passage}
            | {"heading": "Rents and repairs", "text_hash": hashlib.sha256(passage.encode()).digest()}
            for number, passage in enumerate(passages)
        ]
        service.run(lambda connection: connection.execute(insert(t.Chunk), rows))
        return document.id

    return make


def texts(hits: list[Hit]) -> list[str]:
    return [hit.text for hit in hits]


def test_rare_words_weigh_more_and_inflections_match(client: Client, store: Store) -> None:
    store("the tenant keeps the garden", "the tenant pays", "the tenant pays the deposit twice", "nothing of the kind")
    hits = client.search("deposits of tenants", mode="text")
    assert texts(hits)[0] == "the tenant pays the deposit twice"
    assert set(texts(hits)[1:]) == {"the tenant keeps the garden", "the tenant pays"}
    assert hits[0].score == hits[0].relevance
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert hits[0].similarity is None


def test_the_score_is_bm25(client: Client, store: Store) -> None:
    """Two passages of equal length, one of which holds the word twice; by hand with N=2, df=2, k1=1.2."""
    store("apple apple pear", "apple plum pear")
    scores = {hit.text: hit.score for hit in client.search("apple", mode="text")}
    assert scores["apple apple pear"] == pytest.approx(0.18232156 * 2 * 2.2 / (2 + 1.2), rel=1e-6)
    assert scores["apple plum pear"] == pytest.approx(0.18232156 * 1 * 2.2 / (1 + 1.2), rel=1e-6)


def test_phrases_and_exclusions(client: Client, store: Store) -> None:
    store("notice period of three months", "a period without notice", "notice period for garages")
    assert texts(client.search('"notice period"', mode="text")) != []
    assert "a period without notice" not in texts(client.search('"notice period"', mode="text"))
    assert texts(client.search("notice period -garages -without", mode="text")) == ["notice period of three months"]
    assert texts(client.search('notice -"notice period"', mode="text")) == ["a period without notice"]


def test_the_heading_counts(client: Client, store: Store) -> None:
    store("who pays for what")
    assert texts(client.search("repairs", mode="text")) == ["who pays for what"]


@pytest.mark.parametrize(
    ("passage", "query"),
    [
        ("Réservé aux élèves", "eleves"),
        ("Das Überprüfen", "uberprufen"),
        ("我住在北京市朝阳区", "北京"),
        ("東京タワーは高い", "タワー"),
        ("서울특별시 강남구", "강남구"),
        ("ﬁnal eﬀort", "final"),
        ("a 'quoted' \\ back & slash | pipe !", "quoted back"),
    ],
)
def test_words_of_many_languages(client: Client, store: Store, passage: str, query: str) -> None:
    store(passage, "something else")
    assert texts(client.search(query, mode="text")) == [passage]


@pytest.mark.parametrize("query", ["", "the of and", "!!! & | ( '", '""', "- -", "\0", "nowhere"])
def test_queries_without_words_find_nothing(client: Client, store: Store, query: str) -> None:
    store("some passage")
    assert client.search(query, mode="text") == []


def test_matches_are_marked(client: Client, store: Store) -> None:
    store("Deposits are paid\x02 back; the deposit bears interest. 北京市")
    hit = client.search("deposit interest 北京", mode="text")[0]
    assert [hit.text[first:last] for first, last in hit.highlights] == ["Deposits", "deposit", "interest", "北京"]


def test_filters(client: Client, store: Store, service: Service) -> None:
    a = store("one lease", collection="a", metadata={"year": 2024, "tags": ["x"]})
    b = store("two lease", collection="b", metadata={"year": 2025})
    long_ago = datetime.now(UTC) - timedelta(days=3)
    service.run(lambda c: c.execute(update(t.Document).where(t.Document.id == a).values(created_at=long_ago)))
    service.run(lambda c: c.execute(update(t.Document).where(t.Document.id == b).values(media_type="text/html")))

    def found(**filters: object) -> list[str]:
        return sorted(texts(client.search("lease", mode="text", **filters)))  # type: ignore[arg-type]

    assert found() == found(collection=["a", "b"]) == found(documents=[a, b]) == ["one lease", "two lease"]
    assert found(collection="a") == found(documents=[str(a)]) == ["one lease"]
    assert found(metadata={"year": 2024}) == found(metadata={"tags": ["x"]}) == ["one lease"]
    assert found(until=datetime.now(UTC) - timedelta(days=1)) == ["one lease"]
    assert found(since=datetime.now(UTC) - timedelta(days=1)) == found(media_types=["text/html"]) == ["two lease"]
    assert found(collection="a", metadata={"year": 2025}) == []
    with pytest.raises(NotFound, match="'b' is not an id"):
        found(documents=["b"])


def test_an_unknown_mode(client: Client) -> None:
    with pytest.raises(ConfigError, match="mode is 'fuzzy'; expected one of hybrid, vector, text"):
        client.search("x", mode="fuzzy")


def test_both_rankings_together(client: Client, store: Store, service: Service, url: str) -> None:
    """The passage that both rankings have beats those that lead one of them."""
    store("near in meaning", "has the word dogs", "dogs and meaning")
    values = {"name": "m", "revision": "1", "arithmetic": "float32", "dimension": 2}
    model = service.run(lambda c: c.execute(insert(t.Model).values(values).returning(t.Model.id)).scalar_one())
    for text, vector in (("near in meaning", "[1,0]"), ("dogs and meaning", "[1,0.1]"), ("has the word dogs", "[0,1]")):
        digest = hashlib.sha256(text.encode()).digest()
        insertion = "insert into embeddings (model_id, text_hash, vector) values (:m, :h, cast(:v as vector))"
        service.sql(insertion, m=model, h=digest, v=vector)
    service.sql("update generations set model_id = :m where status = 'active'", m=model)
    with answering(url, lambda id_: service.sql(ANSWER, id=id_, model=model, vector="[1, 0]")):
        hits = client.search("dogs", limit=3)
    assert texts(hits)[0] == "dogs and meaning"
    assert hits[0].similarity == pytest.approx(0.995, abs=0.001)
    assert hits[0].relevance is not None
    assert 0 < hits[-1].score < hits[0].score <= 1


def test_fusion() -> None:
    assert fuse(["a", "b"], ["a", "c"])[0] == ("a", 1.0)
    assert [item for item, _ in fuse(["a", "b", "c"], ["c", "d"])] == ["c", "a", "b", "d"]
    assert fuse([], []) == []


def test_reading_a_query() -> None:
    wanted = read_query('rent -garage "notice period" -"old lease" self-made')
    assert wanted.phrases == ["notice period"]
    assert sorted(wanted.excluded) == ["garage", "old lease"]
    assert wanted.any.split() == ["rent", "self-made", "notice", "period"]
