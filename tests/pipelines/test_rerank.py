"""Scores of passages: those of sentence-transformers, whatever the batches."""

import json
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from sentence_transformers import CrossEncoder

from pipelines import rerank
from pipelines.batches import batches
from pipelines.errors import PermanentError
from pipelines.model_files import ModelNotFoundError
from pipelines.rerank import Reranker
from tests.pipelines.conftest import MODEL
from tests.pipelines.cross_encoders import make_cross_encoder

QUERY = "How long is the notice period?"
PASSAGES = [
    "The tenant may terminate this agreement with three months' notice.",
    "",
    "Ünïcode, 数据处理, данные — and a text that is longer than the window. " * 60,
    *(f"Clause {number} {'of the lease ' * number}" for number in range(40)),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder."""
    return make_cross_encoder(tmp_path_factory.mktemp("model") / "made")


@pytest.fixture(scope="module")
def reranker(folder: Path) -> Reranker:
    """It, loaded."""
    return Reranker.load(str(folder), threads=1)


def test_scores_are_those_of_sentence_transformers(folder: Path, reranker: Reranker) -> None:
    pairs = [(QUERY, passage) for passage in PASSAGES]
    expected = CrossEncoder(str(folder), device="cpu").predict(pairs)
    scores = reranker.scores(QUERY, PASSAGES)
    assert np.allclose(scores, expected, atol=1e-5)
    assert np.ptp(expected) > 0.1
    assert np.argsort(scores).tolist() == np.argsort(expected).tolist()
    assert (len(reranker.revision), reranker.max_tokens) == (40, 128)


def test_no_batch_is_larger_than_its_bound(reranker: Reranker, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what each passage gets does not depend on it."""
    expected = reranker.scores(QUERY, PASSAGES)
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(rerank, "_BATCH_TOKENS", 300)
    sizes = [
        len(part) * max(reranker._lengths(QUERY, [PASSAGES[index] for index in part]))
        for part in batches(reranker._lengths(QUERY, PASSAGES), 300)
    ]
    assert max(sizes) <= 300
    assert np.allclose(reranker.scores(QUERY, PASSAGES, lambda *told: seen.append(told)), expected, atol=1e-5)
    assert (len(seen), seen[-1]) == (len(sizes), (len(PASSAGES), len(PASSAGES)))
    assert reranker.scores(QUERY, []) == []


def test_the_end_of_a_long_passage_is_not_seen(reranker: Reranker) -> None:
    long = "deposit " * 300
    first, second = reranker.scores(QUERY, [long + "bees", long + "notice period"])
    assert first == pytest.approx(second, abs=1e-6)


def test_models_that_cannot_rerank(folder: Path, tmp_path: Path) -> None:
    """Of an embedding model the library would make a cross-encoder that answers at random."""
    with pytest.raises(ValueError, match=r"is no cross-encoder: BertModel"):
        Reranker.load(MODEL, threads=1)
    with pytest.raises(ModelNotFoundError, match="no-such-model"):
        Reranker.load("no-such-model", threads=1)
    with pytest.raises(ValueError, match="gives 3 numbers for a pair"):
        Reranker.load(str(make_cross_encoder(tmp_path / "classifier", labels=3)), threads=1)
    plain = tmp_path / "plain"  # as most were published: with transformers' own files alone
    copytree(folder, plain)
    for name in ("modules.json", "config_sentence_transformers.json"):
        (plain / name).unlink()
    config = json.loads((plain / "config.json").read_text())
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert Reranker.load(str(plain), threads=1).scores(QUERY, PASSAGES[:2])


def test_scores_that_are_no_numbers(tmp_path: Path) -> None:
    broken = Reranker.load(str(make_cross_encoder(tmp_path / "broken")), threads=1)
    transformer = broken._model.model
    assert transformer is not None
    for weight in transformer.parameters():
        weight.data.fill_(float("nan"))
    with pytest.raises(PermanentError, match="scores that are no numbers"):
        broken.scores(QUERY, PASSAGES[:2])
