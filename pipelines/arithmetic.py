"""Computes vectors, and decides whether bfloat16 may be used for it."""

from pathlib import Path
from time import thread_time

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody uses

from pipelines.encoders import Encoder
from pipelines.tokens import ModelTokenizer

# Below this agreement with float32 rankings begin to change.
_LOWEST_COSINE = 0.99
# It has to pay: vectors of two arithmetics do not mix in a cache.
_LEAST_GAIN = 1.15
# Enough to compare, at a cost of a third of a second for a small model.
_PROBE_TOKENS = 32
_RUNS = 3
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


def choose(encoder: Encoder, tokenizer: ModelTokenizer, arithmetic: str) -> tuple[Encoder, str]:
    """The encoder in the arithmetic that was asked for, or for "auto" in the one that is better here; and its name."""
    if arithmetic == "float32" or (arithmetic == "auto" and not _computes_bfloat16()):
        return encoder, "float32"
    short = encoder.to_bfloat16()
    if arithmetic == "bfloat16" or _pays(encoder, short, tokenizer):
        return short, "bfloat16"
    return encoder, "float32"


def _computes_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 by itself; where it does not, bfloat16 is slower."""
    try:
        flags = Path("/proc/cpuinfo").read_text("ascii", "replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _pays(encoder: Encoder, short: Encoder, tokenizer: ModelTokenizer) -> bool:
    ids = tokenizer.ids(_PROBES, _PROBE_TOKENS)
    exact, rounded = encode_normalised(encoder, ids), encode_normalised(short, ids)
    if float((exact * rounded).sum(axis=1).min()) < _LOWEST_COSINE:
        return False
    return _cpu_seconds(encoder, ids) > _LEAST_GAIN * _cpu_seconds(short, ids)


def _cpu_seconds(encoder: Encoder, ids: list[list[int]]) -> float:
    """The best of a few runs, in processor time of one thread.

    A busy neighbour must not change which vectors a process makes: time on the clock would, and so would several
    threads, which spin while they wait for each other.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return min(_one_run(encoder, ids) for _ in range(_RUNS))
    finally:
        torch.set_num_threads(threads)


def _one_run(encoder: Encoder, ids: list[list[int]]) -> float:
    started = thread_time()
    encode_normalised(encoder, ids)
    return thread_time() - started
