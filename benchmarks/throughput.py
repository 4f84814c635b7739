"""PDFs to searchable chunks: the whole service beside one process that reads and embeds in a loop."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.development.server import RabbitMQ
from app.stack.fleet import environment
from benchmarks.papers import make_papers
from benchmarks.report import Report
from benchmarks.service import Service, TooSlow, broker, outcomes, service
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
            names = list(sides)
            for name in names[number % len(names) :] + names[: number % len(names)]:
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
            return _ours(running, files, wanted.seconds)

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
    return _numbers(len(files), {**found, "with servers": found["CPU s"]}, json.loads(loaded))


# -- the service


def _ours(running: Service, files: list[Path], seconds: float) -> dict[str, float]:
    before, own, started = running.used(), _own_cpu(), time.monotonic()
    jobs = running.client.submit_many(files, collection="bench")
    own = _own_cpu() - own
    # The same bytes twice in a folder are one document: its second job is answered by the first.
    ended = running.wait_all(len(jobs), seconds)
    cpu = running.used().since(before)
    ends = outcomes(running.client.jobs(ids=[job.id for job in jobs], limit=len(jobs)))
    found: dict[str, float] = {
        "all s": ended - started,
        "CPU s": cpu.service + own,
        "Postgres": cpu.postgres,
        "RabbitMQ": cpu.rabbitmq,
        "with servers": cpu.total + own,
        "bad": len(jobs) - ends.get("succeeded", 0) - ends.get("no_text", 0),
        **_made(running),
    }
    return _numbers(len(files), found, {"start s": running.start_seconds, "start CPU s": running.start_cpu})


def _made(running: Service) -> dict[str, float]:
    pages = running.sql("select coalesce(sum(page_count), 0) from documents")[0][0]
    chunks = running.sql("select count(*) from chunks")[0][0]
    # A text that occurs twice is embedded once.
    tokens = running.sql("select coalesce(sum(tokens), 0) from (select distinct text_hash, tokens from chunks) once")
    ran = running.sql("select coalesce(sum(ran_seconds), 0) from stage_runs where stage = 'parse'")[0][0]
    return {"pages": float(pages), "chunks": float(chunks), "tokens": float(tokens[0][0]), "parse s": float(ran)}


def _numbers(documents: int, found: dict[str, float], start: dict[str, Any]) -> dict[str, float]:
    """In one order for both sides, with what follows from it."""
    seconds = found["all s"]
    rates = {f"{name}/s": found[key] / seconds for name, key in (("pages", "pages"), ("chunks", "chunks"))}
    per_page = found["CPU s"] * 1000 / max(1.0, found["pages"])
    per_token = found["CPU s"] * 1e6 / max(1.0, found["tokens"])
    per = {"CPU ms/page": per_page, "CPU us/token": per_token, "tokens/s": found["tokens"] / seconds}
    return {"docs/s": documents / seconds, **rates, **per, **found, **start}


def _own_cpu() -> float:
    times = os.times()
    return times.user + times.system
