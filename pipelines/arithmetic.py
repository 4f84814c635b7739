"""Computes vectors, and decides in which arithmetic, and by which library or processor."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody uses

from pipelines.encoders import BertEncoder, Encoder, TorchEncoder
from pipelines.gpu_encoder import GPU_FLOAT16, GpuEncoder, has_gpu
from pipelines.openvino_encoder import OpenVinoEncoder, has_openvino
from pipelines.samples import SAMPLES
from pipelines.tokens import ModelTokenizer

log = logging.getLogger(__name__)

# Below this agreement with float32 rankings begin to change. Another library has no reason to differ as much.
_LOWEST_COSINE = {"openvino": 0.999, "openvino-bfloat16": 0.999, GPU_FLOAT16: 0.999}
_LOWEST_COSINE_SHORT = 0.99
# What a processor calls multiplying these by itself; where it does not, they are slower than float32.
_BFLOAT16 = {"avx512_bf16", "amx_bf16"}
_INTEGERS = {"avx512_vnni", "avx_vnni", "amx_int8"}
# It has to pay: vectors of two arithmetics do not mix in a cache.
_LEAST_GAIN = 1.15
# Compared on short texts, timed on a batch as documents make them: on a small one, threads cost more than they save.
_PROBE_TOKENS = 32
_SAMPLE_TOKENS = 128
_TIMED_TEXTS = 8
_TIMED_TOKENS = 128
_RUNS = 4
_PROBES = [
    "The tenant may terminate this agreement with three months' notice.",
    "def parse(data: bytes) -> Document: ...",
    "Die Verordnung tritt am Tag nach ihrer Veröffentlichung in Kraft.",
    "Revenue rose by 12.4 % to 1,204 million, mainly because of higher volumes in the second half of the year.",
    "x",
    "数据处理服务必须可靠。 Данные не должны теряться.",
    "Figure 3: measured throughput, pages per second; lower is worse. " * 6,
    "| id | name | amount |\n|---|---|---|\n| 1 | pump | 40.00 |\n" * 6,
]


def encode_normalised(encoder: Encoder, ids: list[list[int]]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Unit vectors of one batch of token ids."""
    longest = max(map(len, ids))
    padded = torch.full((len(ids), longest), encoder.pad_id)
    mask = torch.zeros((len(ids), longest), dtype=torch.bool)
    for row, tokens in enumerate(ids):
        padded[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = True
    with torch.inference_mode():
        vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]] = F.normalize(encoder.encode(padded, mask)).numpy()
    return vectors


def choose(encoder: TorchEncoder, tokenizer: ModelTokenizer, arithmetic: str, threads: int) -> tuple[Encoder, str]:
    """The encoder in the arithmetic that was asked for, or for "auto" in the one that is the best here; and its name.

    So many threads may use it at once.
    Raises ImportError for OpenVINO where it is not installed, TypeError where it cannot run the model, RuntimeError for
    a graphics processor where there is none.
    """
    if arithmetic == "auto":
        with _one_thread():
            arithmetic = _best(encoder, tokenizer, threads)
    return _made(encoder, tokenizer, arithmetic, threads), arithmetic


def _best(encoder: TorchEncoder, tokenizer: ModelTokenizer, threads: int) -> str:
    best: Encoder = encoder
    name = "float32"
    for other in _candidates(encoder):
        made = _made(encoder, tokenizer, other, 1)
        if _agrees(encoder, made, tokenizer, other) and _pays(best, made, tokenizer):
            best, name = made, other
    return GPU_FLOAT16 if has_gpu() and _gpu_pays(encoder, best, tokenizer, threads) else name


def _gpu_pays(exact: TorchEncoder, best: Encoder, tokenizer: ModelTokenizer, threads: int) -> bool:
    """Whether the graphics processor agrees, and is faster than all cores together."""
    try:
        made = _made(exact, tokenizer, GPU_FLOAT16, 1)
        agrees = _agrees(exact, made, tokenizer, GPU_FLOAT16)
        seconds = _seconds(made, tokenizer, perf_counter)
    except RuntimeError as error:  # its driver, its memory, or a torch that was made for another one
        log.warning("the graphics processor is not used: %s", error)
        return False
    return agrees and seconds * _LEAST_GAIN < _seconds(best, tokenizer) / threads


@contextmanager
def _one_thread() -> Iterator[None]:
    """Several threads spin while they wait for each other, the longer the busier the machine is."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _candidates(encoder: TorchEncoder) -> list[str]:
    """What is worth a try on this processor, with what is installed."""
    flags = _processor_flags()
    short = bool(flags & _BFLOAT16)
    found = ["bfloat16"] if short else []
    if has_openvino() and isinstance(encoder, BertEncoder):
        found += ["openvino-bfloat16" if short else "openvino"]
        if flags & _INTEGERS:
            found += ["openvino-int8-bfloat16" if short else "openvino-int8"]
    return found


def _made(encoder: TorchEncoder, tokenizer: ModelTokenizer, arithmetic: str, threads: int) -> Encoder:
    if arithmetic == GPU_FLOAT16:
        if not has_gpu():
            raise RuntimeError(f"{GPU_FLOAT16} needs a graphics processor, and a torch that was made for it")
        return GpuEncoder(encoder)
    if not arithmetic.startswith("openvino"):
        return encoder.to("cpu", torch.bfloat16) if arithmetic == "bfloat16" else encoder
    if not isinstance(encoder, BertEncoder):
        raise TypeError("OpenVINO is used for plain BERT models only")
    samples = tokenizer.ids(SAMPLES, _SAMPLE_TOKENS) if "int8" in arithmetic else None
    return OpenVinoEncoder.convert(encoder, threads, short=arithmetic.endswith("bfloat16"), samples=samples)


def _processor_flags() -> set[str]:
    try:
        return set(Path("/proc/cpuinfo").read_text("ascii", "replace").split())
    except OSError:
        return set()


def _agrees(exact: Encoder, other: Encoder, tokenizer: ModelTokenizer, arithmetic: str) -> bool:
    ids = tokenizer.ids(_PROBES, _PROBE_TOKENS)
    cosines = (encode_normalised(exact, ids) * encode_normalised(other, ids)).sum(axis=1)
    return float(cosines.min()) >= _LOWEST_COSINE.get(arithmetic, _LOWEST_COSINE_SHORT)


def _pays(best: Encoder, other: Encoder, tokenizer: ModelTokenizer) -> bool:
    return _seconds(best, tokenizer) > _LEAST_GAIN * _seconds(other, tokenizer)


def _seconds(encoder: Encoder, tokenizer: ModelTokenizer, clock: Callable[[], float] = process_time) -> float:
    """The best of a few runs; by default in processor time of this process, which does nothing else.

    A busy neighbour must not change which vectors a process makes, as time on the clock would.
    """
    ids = tokenizer.ids([" ".join(_PROBES)] * _TIMED_TEXTS, _TIMED_TOKENS)
    return min(_one_run(encoder, ids, clock) for _ in range(_RUNS))


def _one_run(encoder: Encoder, ids: list[list[int]], clock: Callable[[], float]) -> float:
    started = clock()
    encode_normalised(encoder, ids)
    return clock() - started
