"""One model in every arithmetic, in turns within one process: rates, processor time, agreement with float32."""

import random
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.report import Report
from config.settings import settings
from pipelines.embed import ARITHMETICS, Embedder
from pipelines.gpu_encoder import GPU_FLOAT16, has_gpu
from pipelines.openvino_encoder import has_openvino

COMPARED = 64
WORDS = "model river contract pressure evening valve notice payment garden machine window letter harbour season".split()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure: so many texts of so many words, every arithmetic once a round."""

    texts: int
    words: int
    rounds: int
    seed: int


def measure(wanted: Wanted) -> Report:
    """Embed the same texts in each arithmetic that there is, one after another, round by round."""
    dice = random.Random(wanted.seed)
    texts = [" ".join(dice.choices(WORDS, k=max(1, int(dice.gauss(wanted.words, 20))))) for _ in range(wanted.texts)]
    missing = _missing()
    names = [name for name in ARITHMETICS if name not in missing]
    threads = settings().vectorize_threads
    sides = {name: Embedder.load(settings().embedding_model, arithmetic=name, threads=threads) for name in names}
    report = Report(
        "embedding: one model in every arithmetic",
        {"texts": f"{wanted.texts} of about {wanted.words} words, seed {wanted.seed}", "threads": str(threads)},
    )
    exact = _vectors(sides["float32"], texts[:COMPARED])
    lowest = {name: _lowest_cosine(_vectors(side, texts[:COMPARED]), exact) for name, side in sides.items()}
    for _ in range(wanted.rounds):
        for name, side in sides.items():
            report.add(name, {**_once(side, texts), "1 - lowest cosine, ppm": (1 - lowest[name]) * 1e6})
    for name in names[1:]:
        report.compare(f"texts/s, {name} to float32", "texts/s", name, "float32")
        report.compare(f"CPU seconds, {name} to float32", "CPU s", name, "float32")
    return report


def _missing() -> set[str]:
    missing = set() if has_openvino() else {name for name in ARITHMETICS if name.startswith("openvino")}
    return missing if has_gpu() else missing | {GPU_FLOAT16}


def _lowest_cosine(vectors: Any, exact: Any) -> float:
    return float((vectors * exact).sum(axis=1).min())


def _vectors(side: Embedder, texts: list[str]) -> Any:
    import numpy as np

    return np.frombuffer(side.embed(texts), "<f4").reshape(len(texts), side.dimension)


def _once(side: Embedder, texts: list[str]) -> dict[str, float]:
    clock, cpu = time.monotonic(), time.process_time()
    side.embed(texts)
    seconds = time.monotonic() - clock
    return {"texts/s": len(texts) / seconds, "CPU s": time.process_time() - cpu}
