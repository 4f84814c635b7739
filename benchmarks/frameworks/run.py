"""The whole service beside frameworks that do the same with the same files, model and kind of store, in turns."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from psycopg import sql

from app.stack.embedded import EmbeddedPostgres
from app.stack.home import Home
from benchmarks.frameworks import rival
from benchmarks.frameworks.environments import Pins, install, read_pins
from benchmarks.frameworks.quantized import quantized
from benchmarks.frameworks.task import INTEGERS, Task
from benchmarks.indexing import index, numbers
from benchmarks.report import Report, turns
from benchmarks.service import broker, service
from config.settings import Settings
from pipelines.model_files import find_model

Numbers = dict[str, float]
OURS = "docrelay"
FASTEST = "openvino-bfloat16"
AGAIN = {"all s": "again s", "CPU s": "again CPU s", "embedded": "again embedded"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure."""

    corpus: Path
    cache: Path
    """Where the environments are kept."""
    only: tuple[str, ...] = ()
    """Frameworks; none means all."""
    arithmetics: tuple[str, ...] = ()
    """In which the frameworks compute, each a side of its own; none means `FASTEST`."""
    most: int = 1000
    largest: int = 100_000_000
    """Bytes of a file."""
    rounds: int = 5
    broker: str = "rabbitmq"
    seconds: float = 1800.0
    """Bound on one run of one side."""


def measure(wanted: Wanted) -> Report:
    """Install what is missing, then measure each side in each round, from an empty database.

    Raises:
        NotInstalled: an environment cannot be made.
        Failed: a framework did not do its work.
        TooSlow: a side took longer than it may.
        FileNotFoundError: no PDF in the corpus.
    """
    chosen = [pins for name, pins in read_pins().items() if name in (wanted.only or (name,))]
    pythons = {pins.name: install(pins, wanted.cache) for pins in chosen}
    model = find_model(Settings().embedding_model)[0]
    models = {INTEGERS: quantized(model, wanted.cache)} if INTEGERS in wanted.arithmetics else {}
    with TemporaryDirectory(prefix="docrelay-bench-files-") as place:
        files = distinct(wanted, Path(place))
        report = Report("frameworks: a folder of PDFs to vectors, then the same again", _facts(wanted, files, chosen))
        sides: dict[str, Callable[[], Numbers]] = {OURS: lambda: _ours(files, wanted, report)}
        for pins in chosen:
            for arithmetic in wanted.arithmetics or (FASTEST,):
                its_model = str(models.get(arithmetic, model))
                sides[f"{pins.name} {arithmetic}"] = _side(
                    pins, pythons[pins.name], its_model, arithmetic, files, wanted
                )
        for number in range(wanted.rounds):
            for name in turns(list(sides), number):
                report.add(name, sides[name]())
    compare(report)
    return report


def compare(report: Report) -> None:
    """Ours over each of the others."""
    others = [name for name in report.rounds if name != OURS]
    for what, name in (("pages/s", "pages/s"), ("CPU for a page", "CPU ms/page"), ("tokens embedded", "tokens")):
        for other in others:
            report.compare(f"{what}: {OURS} over {other}", name, OURS, other)
    for other in others:
        report.compare(f"CPU for a token: {OURS} over {other}", "CPU us/token", OURS, other)
        report.compare(f"seconds of the second run: {OURS} over {other}", "again s", OURS, other)


def distinct(wanted: Wanted, folder: Path) -> list[Path]:
    """Copies of the files, in one folder: of several with the same bytes one, since the service would take one only."""
    seen: set[bytes] = set()
    copies: list[Path] = []
    for file in sorted(wanted.corpus.rglob("*.pdf")):
        if len(copies) == wanted.most or file.stat().st_size > wanted.largest:
            continue
        digest = hashlib.sha256(file.read_bytes()).digest()
        if digest not in seen:
            seen.add(digest)
            copies.append(folder / f"{len(copies):05}-{file.name}")
            shutil.copyfile(file, copies[-1])
    if not copies:
        raise FileNotFoundError(f"no PDF of at most {wanted.largest} bytes in {wanted.corpus}")
    return copies


def _facts(wanted: Wanted, files: list[Path], chosen: list[Pins]) -> dict[str, str]:
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    stores = {pins.name: f"{', '.join(pins.packages)}; {pins.store}" for pins in chosen}
    return {"corpus": f"{len(files)} PDFs, {megabytes:.1f} MB", "rounds": str(wanted.rounds), **stores}


def _ours(files: list[Path], wanted: Wanted, report: Report) -> Numbers:
    with broker(wanted.broker) as server, service(server, embedding_arithmetic="auto") as running:
        running.warm_up(b"A text to warm up with.")
        first = index(running, files, wanted.seconds)
        stored = running.sql("select count(*) from chunks")[0][0]
        # It chooses by itself, each time anew: without that word nobody could tell what was compared.
        ((chosen,),) = running.sql("select string_agg(distinct arithmetic, ' ') from models")
        report.facts[OURS] = " ".join(dict.fromkeys(f"{report.facts.get(OURS, '')} {chosen}".split()))
        return {**first, "stored": float(stored), **again(index(running, files, wanted.seconds))}


def _side(
    pins: Pins, python: Path, model: str, arithmetic: str, files: list[Path], wanted: Wanted
) -> Callable[[], Numbers]:
    command = [str(python), "-m", f"benchmarks.frameworks.{pins.name}"]

    def side() -> Numbers:
        with ExitStack() as cleanup:
            state = cleanup.enter_context(TemporaryDirectory(prefix="docrelay-bench-state-"))
            url = cleanup.enter_context(_postgres())
            task = Task(str(files[0].parent), url, state, model, arithmetic)
            first = rival.run(command, task, wanted.seconds)
            stored = rows(url, first.pop("table"))
            found = numbers(len(files), first, {})
            second = rival.run(command, task, wanted.seconds)
            return {**found, "stored": stored, **again(second)}

    return side


def again(second: dict[str, Any]) -> Numbers:
    """What counts of an identical second run."""
    return {name: float(second[key]) for key, name in AGAIN.items()}


def rows(url: str, table: str) -> float:
    """How many there are in a table, which may have a schema before its name."""
    with psycopg.connect(url) as connection:
        statement = sql.SQL("select count(*) from {}").format(sql.Identifier(*table.split(".")))
        row = connection.execute(statement).fetchone()
    return float(row[0]) if row else 0.0


@contextmanager
def _postgres() -> Iterator[str]:
    """An empty database with pgvector, as the service's own."""
    with TemporaryDirectory(prefix="docrelay-bench-postgres-") as folder:
        home = Home(Path(folder))
        home.make()
        with home.lock(), EmbeddedPostgres(home) as server:
            yield server.url
