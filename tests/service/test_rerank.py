"""Re-ranking by the running service: the order and the scores are those of the cross-encoder that is set."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import psutil
import pytest
from sentence_transformers import CrossEncoder
from sqlalchemy import Engine, func, insert

from app.development.service import service
from app.stack.whole import Stack
from docrelay import Client, SearchUnavailable
from docrelay.ids import new_id
from docrelay.tables import Reranking
from docrelay.views import Hit
from tasks.rerank import _take
from tests.client.shell import Run
from tests.pipelines.cross_encoders import make_cross_encoder

QUERY = "May the tenant keep a dog in the flat?"
PASSAGES = 70
"""More than are scored in one turn, and than are candidates by default."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder."""
    return make_cross_encoder(tmp_path_factory.mktemp("model") / "made")


@pytest.fixture(scope="module")
def stack(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service that has it, and documents of one passage each."""
    home = tmp_path_factory.mktemp("rerank")
    with service(home, rerank_model=str(model)) as running, Client(running.database_url) as client:
        animals = ["dog", "cat", "parrot", "snake", "hamster", "goat", "tortoise"]
        texts = [
            f"Case {number}. The tenant may keep a {animals[number % 7]} in flat {number * 13}."
            + " Ask!" * (number % 9)
            for number in range(PASSAGES)
        ]
        for job in client.submit_many([text.encode() for text in texts], collection="pets"):
            client.wait(job.id, timeout=120)
        yield running


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """A client of that service."""
    with Client(stack.database_url) as opened:
        yield opened


def _scores(model: Path, hits: list[Hit]) -> list[float]:
    pairs = [(QUERY, hit.text) for hit in hits]
    return [float(score) for score in CrossEncoder(str(model), device="cpu").predict(pairs)]


@pytest.mark.parametrize("mode", ["vector", "text", "hybrid"])
def test_the_order_is_that_of_the_cross_encoder(client: Client, model: Path, mode: str) -> None:
    """Of the fifty best by the mode; their other figures stay."""
    before = client.search(QUERY, collection="pets", mode=mode, limit=50)
    scores = _scores(model, before)
    expected = [before[index] for index in np.argsort([-score for score in scores], kind="stable")]
    hits = client.search(QUERY, collection="pets", mode=mode, limit=10, rerank=True, timeout=60)
    assert [hit.text for hit in hits] == [hit.text for hit in expected[:10]]
    assert [hit.text for hit in hits] != [hit.text for hit in before[:10]]
    assert [hit.score for hit in hits] == pytest.approx(sorted(scores, reverse=True)[:10], abs=1e-5)
    figures = [(hit.similarity, hit.relevance, hit.highlights, hit.document.id) for hit in expected[:10]]
    assert [(hit.similarity, hit.relevance, hit.highlights, hit.document.id) for hit in hits] == figures


def test_as_many_candidates_as_one_likes(client: Client, model: Path) -> None:
    """In several turns if need be, and never fewer than hits are wanted."""
    every = client.search(QUERY, collection="pets", limit=100)
    assert len(every) == PASSAGES
    best = client.search(QUERY, collection="pets", limit=1, rerank=True, candidates=100, timeout=60)
    assert best[0].score == pytest.approx(max(_scores(model, every)), abs=1e-5)
    few = client.search(QUERY, collection="pets", limit=4, rerank=True, candidates=2, timeout=60)
    assert {hit.text for hit in few} == {hit.text for hit in every[:4]}
    assert client.search(QUERY, collection="empty", rerank=True) == []


def test_by_the_command(docrelay: Run, stack: Stack, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    hits = client.search(QUERY, collection="pets", limit=3, rerank=True, candidates=20, timeout=60)
    monkeypatch.setenv("DOCRELAY_DATABASE_URL", stack.database_url)
    options = ("-c", "pets", "-n", 3, "--rerank", "--candidates", 20, "--timeout", 60)
    answer = docrelay("search", *options, "--", QUERY)
    assert [line[0] for line in answer.lines] == [f"{hit.score:.3f}" for hit in hits]


def _kill_model(stack: Stack) -> None:
    """Kill the process that holds it; its warden has noticed then."""
    worker = psutil.Process(stack.supervisor.pids()["vectorize"])
    *_, warden, holder = [
        child for child in worker.children(recursive=True) if "tasks.isolated.rerank" in child.cmdline()
    ]
    holder.kill()
    warden.wait(20)


def test_a_model_that_dies_and_goes(client: Client, stack: Stack, model: Path) -> None:
    """Its process is started again; if the files are gone, whoever searches is told."""
    _kill_model(stack)
    assert client.search(QUERY, collection="pets", limit=1, rerank=True, timeout=60)
    _kill_model(stack)
    away = model.rename(model.with_name("away"))
    try:
        with pytest.raises(SearchUnavailable, match=r"could not be re-ranked: NotReady: .*neither a folder"):
            client.search(QUERY, collection="pets", rerank=True, timeout=60)
        assert client.search(QUERY, collection="pets")
    finally:
        away.rename(model)
    assert client.search(QUERY, collection="pets", limit=1, rerank=True, timeout=60)


def test_without_a_model(tmp_path: Path) -> None:
    """The setting is named."""
    with service(tmp_path / "home") as stack, Client(stack.database_url) as client:
        client.wait(client.submit(b"The tenant may keep a dog.", name="lease.txt").id, timeout=120)
        started = time.monotonic()
        with pytest.raises(SearchUnavailable, match="set DOCRELAY_RERANK_MODEL"):
            client.search(QUERY, mode="text", rerank=True, timeout=30)
        assert time.monotonic() - started < 10
        assert client.search(QUERY, mode="text")


def test_who_takes_a_request(engine: Engine) -> None:
    """One worker; another when it may be gone; one without a model only what nobody has begun with."""

    def ask(age: float, taken: float | None = None) -> None:
        values = {"id": new_id(), "query": "q", "passages": ["p"], "created_at": func.now() - timedelta(seconds=age)}
        if taken is not None:
            values["taken_at"] = func.now() - timedelta(seconds=taken)
        with engine.begin() as connection:
            connection.execute(insert(Reranking).values(**values))

    def take(*, has_model: bool) -> bool:
        with engine.begin() as connection:
            return _take(connection, has_model=has_model) is not None

    ask(0)
    assert not take(has_model=False)
    with engine.begin() as first, engine.begin() as second:
        assert _take(first, has_model=True).passages == ["p"]
        assert _take(second, has_model=True) is None
    assert not take(has_model=True)
    ask(20, taken=10)
    assert not take(has_model=False)
    assert [take(has_model=True), take(has_model=True)] == [True, False]
    ask(2)
    assert [take(has_model=False), take(has_model=False)] == [True, False]
