"""The vectorize stage of the running service beside its engine alone: same texts, same arithmetic, in turns."""

import random
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.embedding import WORDS
from benchmarks.indexing import index
from benchmarks.report import Report, turns
from benchmarks.service import Service, broker, service
from config.settings import settings
from pipelines.embed import Embedder

SERVICE, BARE = "the service", "the engine alone"
PARAGRAPH = 60
"""Words."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure."""

    documents: int
    paragraphs: int
    rounds: int
    seed: int
    broker: str = "rabbitmq"
    seconds: float = 600.0
    """Bound on one round of the service."""


def measure(wanted: Wanted) -> Report:
    """Index plain texts, whose parsing costs next to nothing; then embed the chunks that came of it in one call.

    Raises:
        TooSlow: the service took longer than it may.
    """
    with (
        TemporaryDirectory(prefix="docrelay-bench-texts-") as folder,
        broker(wanted.broker) as server,
        service(server, embedding_arithmetic="auto") as running,
    ):
        files = _make(Path(folder), wanted)
        running.warm_up(b"A text to warm up with.")
        index(running, files, wanted.seconds)
        arithmetic = str(running.sql("select arithmetic from models")[0][0])
        texts = [str(row[0]) for row in running.sql("select text from chunks order by document_id, ordinal")]
        tokens = float(running.sql("select sum(tokens) from chunks")[0][0])
        threads = settings().vectorize_threads
        engine = Embedder.load(settings().embedding_model, arithmetic=arithmetic, threads=threads)
        engine.embed(texts[:64])
        report = Report(
            "embed stage: the service beside its engine alone",
            {
                "documents": f"{len(files)}, {len(texts)} chunks, {tokens:,.0f} tokens, seed {wanted.seed}",
                "arithmetic": f"{arithmetic}, {threads} threads",
            },
        )
        for number in range(wanted.rounds):
            for name in turns([SERVICE, BARE], number):
                report.add(
                    name, _by_service(running, files, wanted) if name == SERVICE else _alone(engine, texts, tokens)
                )
    report.compare("tokens/s, the service to the engine alone", "tokens/s", SERVICE, BARE)
    report.compare("CPU for a token, the service to the engine alone", "CPU us/token", SERVICE, BARE)
    return report


def _make(folder: Path, wanted: Wanted) -> list[Path]:
    dice = random.Random(wanted.seed)
    files = [folder / f"{number:04}.txt" for number in range(wanted.documents)]
    for file in files:
        texts = (" ".join(dice.choices(WORDS, k=PARAGRAPH)).capitalize() for _ in range(wanted.paragraphs))
        file.write_text("\n\n".join(f"{text}." for text in texts))
    return files


def _by_service(running: Service, files: list[Path], wanted: Wanted) -> dict[str, float]:
    running.forget()
    found = index(running, files, wanted.seconds)
    return {name: found[name] for name in ("tokens/s", "CPU us/token", "Postgres", "embedded")}


def _alone(engine: Embedder, texts: list[str], tokens: float) -> dict[str, float]:
    clock, cpu = time.monotonic(), time.process_time()
    engine.embed(texts)
    seconds = time.monotonic() - clock
    return {"tokens/s": tokens / seconds, "CPU us/token": (time.process_time() - cpu) * 1e6 / tokens}
