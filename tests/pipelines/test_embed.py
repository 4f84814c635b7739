"""Vectors: those of sentence-transformers, in the order of the texts, on one unit sphere."""

import itertools
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pipelines.arithmetic import _candidates, choose
from pipelines.embed import Embedder
from pipelines.encoders import BATCH_TOKENS, BertEncoder, Encoder, SentenceEncoder, TorchEncoder, is_plain_bert
from pipelines.errors import TransientError
from pipelines.gpu_encoder import GPU_FLOAT16, GpuEncoder
from pipelines.model_files import ModelNotFoundError, find_model
from tests.pipelines.conftest import MODEL

TEXTS = [
    "The tenant may terminate this agreement with three months' notice.",
    "x",
    "",
    "Ünïcode, 数据处理, данные — and a very long text. " * 60,
    "def parse(data: bytes) -> Document: ...",
    "| a | b |\n|---|---|\n| 1 | 2 |",
]


def torch_encoder(embedder: Embedder) -> BertEncoder:
    assert isinstance(embedder._encoder, BertEncoder)
    return embedder._encoder


def vectors(embedder: Embedder, texts: list[str]) -> "np.ndarray[Any, np.dtype[np.float32]]":
    return np.frombuffer(embedder.embed(texts), dtype="<f4").reshape(len(texts), embedder.dimension)


@pytest.fixture(scope="session")
def sentence_encoder(model_folder: Path) -> SentenceEncoder:
    return SentenceEncoder.load(model_folder)


def test_what_a_model_says_of_itself(embedder: Embedder) -> None:
    assert (embedder.name, embedder.dimension, embedder.max_tokens) == (MODEL, 384, 256)
    assert embedder.arithmetic == "float32"
    assert len(embedder.revision) == 40


def test_vectors_are_those_of_sentence_transformers(embedder: Embedder, sentence_encoder: SentenceEncoder) -> None:
    expected = sentence_encoder._model.encode(TEXTS, normalize_embeddings=True)
    ours = vectors(embedder, TEXTS)
    assert float((expected * ours).sum(axis=1).min()) > 0.9999
    assert np.allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)


def test_models_of_other_kinds_go_through_sentence_transformers(
    embedder: Embedder, sentence_encoder: SentenceEncoder
) -> None:
    other = Embedder("other", "1", embedder.tokenizer, sentence_encoder, max_tokens=256, arithmetic="float32")
    assert np.allclose(vectors(embedder, TEXTS), vectors(other, TEXTS), atol=1e-5)


def test_each_text_has_its_own_vector_whatever_its_company(embedder: Embedder) -> None:
    together = vectors(embedder, TEXTS * 20)
    alone = np.concatenate([vectors(embedder, [text]) for text in TEXTS])
    assert np.allclose(together, np.tile(alone, (20, 1)), atol=1e-5)


def test_progress_and_no_texts(embedder: Embedder) -> None:
    seen: list[tuple[int, int]] = []
    embedder.embed(["text " * 250] * 40, lambda done, total: seen.append((done, total)))
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1] == (40, 40)
    assert embedder.embed([]) == b""


ALLOCATOR = "[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory"


class Starved:
    """The model of another encoder with memory for so many texts only."""

    pad_id = 0
    batch_tokens = BATCH_TOKENS

    def __init__(self, embedder: Embedder, most: int, says: str = ALLOCATOR) -> None:
        self._says = says
        self._encoder = embedder._encoder
        self._most = most
        self.dimension = embedder.dimension

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        if len(ids) > self._most:
            raise RuntimeError(self._says)
        return self._encoder.encode(ids, mask)


def test_batches_shrink_when_memory_runs_out(embedder: Embedder) -> None:
    starved = Embedder("m", "1", embedder.tokenizer, Starved(embedder, 2), max_tokens=256, arithmetic="float32")
    assert np.allclose(vectors(starved, TEXTS), vectors(embedder, TEXTS), atol=1e-5)


@pytest.mark.parametrize("says", [ALLOCATOR, "could not create a primitive"])
def test_a_single_text_that_does_not_fit(embedder: Embedder, says: str) -> None:
    starved = Embedder("m", "1", embedder.tokenizer, Starved(embedder, 0, says), max_tokens=256, arithmetic="float32")
    with pytest.raises(TransientError) as caught:
        starved.embed(["text"])
    assert caught.value.code == "out_of_memory"


def test_bfloat16_agrees(embedder: Embedder) -> None:
    encoder, arithmetic = choose(torch_encoder(embedder), embedder.tokenizer, "bfloat16", 1)
    short = Embedder("m", "1", embedder.tokenizer, encoder, max_tokens=256, arithmetic=arithmetic)
    assert arithmetic == "bfloat16"
    assert float((vectors(short, TEXTS) * vectors(embedder, TEXTS)).sum(axis=1).min()) > 0.99


@pytest.mark.parametrize(
    ("arithmetic", "lowest", "of_one_word"),
    [
        ("openvino", 0.9999, 0.9999),
        ("openvino-bfloat16", 0.99, 0.99),
        # Each token of such a text is off by the same, which their mean does not even out.
        ("openvino-int8", 0.99, 0.98),
        ("openvino-int8-bfloat16", 0.99, 0.98),
    ],
)
def test_openvino_agrees(embedder: Embedder, arithmetic: str, lowest: float, of_one_word: float) -> None:
    """Converted in memory, for texts of any length, with padding or without."""
    encoder, name = choose(torch_encoder(embedder), embedder.tokenizer, arithmetic, 2)
    other = Embedder("m", "1", embedder.tokenizer, encoder, max_tokens=256, arithmetic=name, threads=2)
    assert (name, encoder.dimension) == (arithmetic, embedder.dimension)
    words = " ".join(TEXTS * 2).split()
    counts = range(1, 300, 37)
    for texts, least in (
        (TEXTS, lowest),
        (["the same"] * 3, lowest),
        ([" ".join(words[:count]) for count in counts], lowest),
        ([" ".join(["word"] * count) for count in counts], of_one_word),
    ):
        ours, theirs = vectors(embedder, texts), vectors(other, texts)
        assert float((ours * theirs).sum(axis=1).min()) > least


def test_a_graphics_processor_agrees(embedder: Embedder, sentence_encoder: SentenceEncoder) -> None:
    """The same steps on the one device that every machine has, in the arithmetic of the other."""
    for exact in (torch_encoder(embedder), sentence_encoder):
        encoder = GpuEncoder(exact, device="cpu")
        other = Embedder("m", "1", embedder.tokenizer, encoder, max_tokens=256, arithmetic=GPU_FLOAT16, threads=2)
        assert float((vectors(other, TEXTS) * vectors(embedder, TEXTS)).sum(axis=1).min()) > 0.9999
        assert embedder.embed(TEXTS) == embedder.embed(TEXTS)  # the exact one is as it was


def test_a_graphics_processor_that_fails_is_not_taken(
    embedder: Embedder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RuntimeError, match="gpu-float16 needs a graphics processor"):
        choose(torch_encoder(embedder), embedder.tokenizer, GPU_FLOAT16, 2)

    def broken(_: TorchEncoder) -> Encoder:
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device")

    monkeypatch.setattr("pipelines.arithmetic.has_gpu", lambda: True)
    monkeypatch.setattr("pipelines.arithmetic.GpuEncoder", broken)
    assert choose(torch_encoder(embedder), embedder.tokenizer, "auto", 2)[1] != GPU_FLOAT16
    assert "the graphics processor is not used: CUDA error" in caplog.text


@pytest.mark.parametrize(("seconds", "taken"), [(1e-9, True), (1e9, False)])
def test_a_graphics_processor_has_to_be_faster_than_all_cores(
    embedder: Embedder, monkeypatch: pytest.MonkeyPatch, seconds: float, *, taken: bool
) -> None:
    monkeypatch.setattr("pipelines.arithmetic.has_gpu", lambda: True)
    monkeypatch.setattr("pipelines.arithmetic.GpuEncoder", lambda exact: GpuEncoder(exact, device="cpu"))
    ticks = itertools.count()
    monkeypatch.setattr("pipelines.arithmetic.perf_counter", lambda: next(ticks) * seconds)
    assert (choose(torch_encoder(embedder), embedder.tokenizer, "auto", 2)[1] == GPU_FLOAT16) == taken


def test_auto_takes_what_agrees_and_pays(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, arithmetic = choose(torch_encoder(embedder), embedder.tokenizer, "auto", 2)
    other = Embedder("m", "1", embedder.tokenizer, encoder, max_tokens=256, arithmetic=arithmetic)
    assert float((vectors(other, TEXTS) * vectors(embedder, TEXTS)).sum(axis=1).min()) > 0.99
    monkeypatch.setattr("pipelines.arithmetic.has_openvino", lambda: False)
    assert choose(torch_encoder(embedder), embedder.tokenizer, "auto", 2)[1] in ("float32", "bfloat16")
    assert choose(torch_encoder(embedder), embedder.tokenizer, "float32", 2)[0] is embedder._encoder


@pytest.mark.parametrize(
    ("processor", "expected"),
    [
        ("flags : fpu avx2", ["openvino"]),
        ("flags : fpu avx512_bf16", ["bfloat16", "openvino-bfloat16"]),
        ("flags : fpu avx512_vnni", ["openvino", "openvino-int8"]),
        ("flags : amx_int8 amx_bf16", ["bfloat16", "openvino-bfloat16", "openvino-int8-bfloat16"]),
    ],
)
def test_what_the_processor_has_is_tried(
    embedder: Embedder, monkeypatch: pytest.MonkeyPatch, processor: str, expected: list[str]
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_: processor)
    assert _candidates(torch_encoder(embedder)) == expected


def test_unknown_arithmetic() -> None:
    with pytest.raises(ValueError, match="arithmetic must be one of auto, float32, bfloat16, openvino"):
        Embedder.load(MODEL, arithmetic="int8")


def test_a_package_and_its_folder_are_the_same_model(model_folder: Path) -> None:
    assert find_model(MODEL) == find_model(str(model_folder))


def test_revision_follows_the_weights_and_the_configuration(model_folder: Path, tmp_path: Path) -> None:
    copy = copytree(model_folder, tmp_path / "model")
    before = find_model(str(copy))[1]
    assert before == find_model(MODEL)[1]
    weights = copy / "model.safetensors"
    data = bytearray(weights.read_bytes())
    for offset in range(100_000, len(data), 50_000):  # as training does: everywhere
        data[offset] ^= 1
    weights.write_bytes(data)
    changed = find_model(str(copy))[1]
    (copy / "sentence_bert_config.json").write_text('{"max_seq_length": 128}')
    assert len({before, changed, find_model(str(copy))[1]}) == 3
    assert Embedder.load(str(copy), arithmetic="float32").max_tokens == 128


def test_only_what_is_understood_is_plain_bert(model_folder: Path, tmp_path: Path) -> None:
    assert is_plain_bert(model_folder)
    copy = copytree(model_folder, tmp_path / "model")
    (copy / "config_sentence_transformers.json").write_text('{"default_prompt_name": "query"}')
    assert not is_plain_bert(copy)


def test_no_such_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("nobody/no-such-model", "no-such-package", "/no/such/folder", "pytest"):
        with pytest.raises(ModelNotFoundError, match="HF_HUB_OFFLINE is set"):
            find_model(name)


def test_importing_is_cheap_and_loading_leaves_transformers_out() -> None:
    program = f"""
import sys
from pipelines.embed import Embedder
assert "torch" not in sys.modules
Embedder.load({MODEL!r}, arithmetic="float32")
assert "transformers" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_threads_are_bounded() -> None:
    before = torch.get_num_threads()
    try:
        Embedder.load(MODEL, arithmetic="float32", threads=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_each_core_has_a_batch_of_its_own(embedder: Embedder) -> None:
    """So many batches are computed at once, never more, each by one thread; even few texts are shared out."""
    for threads in (1, 2, 3):
        crowd = Crowd(embedder, threads)
        several = Embedder("m", "1", embedder.tokenizer, crowd, max_tokens=256, arithmetic="float32", threads=threads)
        assert np.allclose(vectors(several, TEXTS * 5), vectors(embedder, TEXTS * 5), atol=1e-5)
        assert (crowd.most, crowd.torch_threads) == (threads, {1})


class Crowd:
    """An encoder that waits until so many threads compute at once."""

    batch_tokens = BATCH_TOKENS

    def __init__(self, embedder: Embedder, threads: int) -> None:
        self._inner = embedder._encoder
        self.pad_id, self.dimension = self._inner.pad_id, self._inner.dimension
        self._all_here = threading.Barrier(threads)
        self._lock = threading.Lock()
        self._now = self.most = 0
        self.torch_threads: set[int] = set()

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self.torch_threads.add(torch.get_num_threads())
        with suppress(threading.BrokenBarrierError):
            self._all_here.wait(2)
        try:
            return self._inner.encode(ids, mask)
        finally:
            with self._lock:
                self._now -= 1
