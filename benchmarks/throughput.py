"""PDFs to searchable chunks: the whole service beside one process that reads and embeds in a loop."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from app.development.server import RabbitMQ
from app.stack.fleet import environment
from benchmarks.indexing import index, numbers
from benchmarks.papers import make_papers
from benchmarks.report import Report, turns
from benchmarks.service import TooSlow, broker, service
from config.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("pypdf", "pdfium", "whole")
"""The last embeds all of the text, as the service does; the others what fits of their chunks."""
ARITHMETICS = ("float32", "auto")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure."""

    corpus: Path | None = None
    documents: int = 40
    """How many PDFs to make without a corpus."""
    most: int = 1000
    rounds: int = 3
    seed: int = 0
    broker: str = "rabbitmq"
    seconds: float = 900.0
    """Bound on one side of one round."""


def measure(wanted: Wanted) -> Report:
    """Measure in turns, each time from an empty database and with processes started anew.

    Raises:
        TooSlow: a side took longer than it may.
    """
    with ExitStack() as cleanup:
        folder = cleanup.enter_context(TemporaryDirectory(prefix="docrelay-bench-papers-"))
        files = _files(wanted, Path(folder))
        report = Report("throughput: PDFs to searchable chunks, beside a loop in one process", _facts(wanted, files))
        server = cleanup.enter_context(broker(wanted.broker))
        sides = _sides(files, server, wanted)
        for number in range(wanted.rounds):
            for name in turns(list(sides), number):
                report.add(name, sides[name]())
    _compare(report)
    return report


Side = Callable[[], dict[str, float]]


def _sides(files: list[Path], server: RabbitMQ | None, wanted: Wanted) -> dict[str, Side]:
    sides: dict[str, Side] = {f"floor {engine}": _floor_side(engine, files, wanted) for engine in FLOORS}
    for arithmetic in ARITHMETICS:
        sides[f"docrelay {arithmetic}"] = _service_side(arithmetic, files, server, wanted)
    return sides


def _floor_side(engine: str, files: list[Path], wanted: Wanted) -> Side:
    return lambda: _floor(engine, files, wanted.seconds)


def _service_side(arithmetic: str, files: list[Path], server: RabbitMQ | None, wanted: Wanted) -> Side:
    def side() -> dict[str, float]:
        with service(server, embedding_arithmetic=arithmetic) as running:
            running.warm_up(b"A text to warm up with.")
            return index(running, files, wanted.seconds)

    return side


def _compare(report: Report) -> None:
    for arithmetic in ARITHMETICS:
        ours = f"docrelay {arithmetic}"
        report.compare(f"documents/s: {ours} over floor pypdf", "docs/s", ours, "floor pypdf")
        report.compare(f"documents/s: {ours} over floor pdfium", "docs/s", ours, "floor pdfium")
        report.compare(f"tokens/s: {ours} over floor pypdf", "tokens/s", ours, "floor pypdf")
        report.compare(f"CPU of the service: {ours} over floor pdfium", "CPU s", ours, "floor pdfium")
        report.compare(f"CPU per token embedded: {ours} over floor pdfium", "CPU us/token", ours, "floor pdfium")
        report.compare(f"CPU of the service: {ours} over floor whole", "CPU s", ours, "floor whole")
        report.compare(f"documents/s: {ours} over floor whole", "docs/s", ours, "floor whole")
        report.compare(f"CPU with servers: {ours} over floor pdfium", "with servers", ours, "floor pdfium")
        report.compare(f"CPU with servers: {ours} over floor pypdf", "with servers", ours, "floor pypdf")
        report.compare(f"tokens embedded: {ours} over floor pdfium", "tokens", ours, "floor pdfium")


def _files(wanted: Wanted, folder: Path) -> list[Path]:
    if wanted.corpus is None:
        return make_papers(folder, wanted.documents, wanted.seed)
    return sorted(wanted.corpus.rglob("*.pdf"))[: wanted.most]


def _facts(wanted: Wanted, files: list[Path]) -> dict[str, str]:
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    origin = "of a folder" if wanted.corpus else f"made with seed {wanted.seed}"
    settings = Settings()
    slots = f"parse {settings.parse_concurrency}, torch threads {settings.vectorize_threads}"
    return {
        "corpus": f"{len(files)} PDFs {origin}, {megabytes:.1f} MB",
        "rounds": str(wanted.rounds),
        "broker": wanted.broker,
        "workers": slots,
    }


# -- the floor


def _floor(engine: str, files: list[Path], seconds: float) -> dict[str, float]:
    settings = Settings()
    argv = [sys.executable, "-m", "benchmarks.floor", engine, settings.embedding_model]
    process = subprocess.Popen(
        argv,
        cwd=ROOT,
        env={**os.environ, **environment(settings, inherited=os.environ)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # libraries complain about many of the files
        text=True,
    )
    limit = threading.Timer(seconds, process.kill)
    limit.start()
    with process:
        try:
            return _asked(process, files, engine, seconds)
        finally:
            limit.cancel()
            process.kill()  # where we were interrupted it would read on for nobody


def _asked(process: subprocess.Popen[str], files: list[Path], engine: str, seconds: float) -> dict[str, float]:
    assert process.stdin is not None
    assert process.stdout is not None
    loaded = process.stdout.readline()
    if loaded:
        process.stdin.write("".join(f"{file.resolve()}\n" for file in files))
        process.stdin.close()
    answer = process.stdout.readline()
    if not answer:
        raise TooSlow(f"the floor with {engine} ended without an answer, or took more than {seconds:g} s")
    found: dict[str, float] = json.loads(answer)
    return numbers(len(files), {**found, "with servers": found["CPU s"]}, json.loads(loaded))
