"""How long one small document takes alone, how long the same again, and how long a search."""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import empty_stages
from benchmarks.papers import make_papers, prose
from benchmarks.report import Report
from benchmarks.service import Service, broker, service

WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure."""

    documents: int = 30
    rounds: int = 1
    seed: int = 0
    broker: str = "rabbitmq"


def measure(wanted: Wanted) -> Report:
    """Measure each of them, one after another, nothing else going on.

    Raises:
        JobFailed: a document did not get through.
    """
    facts = {"arguments": f"{wanted.documents} PDFs of one page, seed {wanted.seed}", "broker": wanted.broker}
    report = Report("latency in milliseconds: one small document at a time, by the client's clock", facts)
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(TemporaryDirectory(prefix="docrelay-bench-papers-")))
        server = cleanup.enter_context(broker(wanted.broker))
        running = cleanup.enter_context(service(server, task_modules=empty_stages.__name__))
        running.warm_up(b"A text to warm up with.")
        for number in range(wanted.rounds):
            files = make_papers(folder, wanted.documents, wanted.seed * 1000 + number, pages=(1, 1))
            _round(running, files, random.Random(f"{wanted.seed}/{number}"), report)
    return report


def _round(running: Service, files: list[Path], chosen: random.Random, report: Report) -> None:
    client = running.client
    running.forget()
    report.add("submit one", _spread([_timed(lambda file=file: client.submit(file)) for file in files]))  # type: ignore[misc]
    running.wait_all(len(files), WAIT_SECONDS)
    running.forget()
    report.add("submit to succeeded", _spread([_timed(lambda file=file: _through(running, file)) for file in files]))  # type: ignore[misc]
    for stage, waited, ran in _stages(running):
        report.add(f"  {stage} waited", _spread(waited))
        report.add(f"  {stage} ran", _spread(ran))
    report.add("identical again", _spread([_timed(lambda file=file: _again(running, file)) for file in files]))  # type: ignore[misc]
    queries = [prose(chosen, 1)[:80] for _ in files]
    report.add("search", _spread([_timed(lambda query=query: client.search(query)) for query in queries]))  # type: ignore[misc]
    running.forget()
    empty = [chosen.randbytes(100) for _ in files]
    whole = [_timed(lambda data=data: _through(running, data, empty_stages.PIPELINE)) for data in empty]  # type: ignore[misc]
    report.add("three empty stages", _spread(whole))
    for stage, waited, ran in _stages(running):
        report.add(f"  {stage} waited", _spread(waited))
        report.add(f"  {stage} ran", _spread(ran))


def _through(running: Service, source: Path | bytes, pipeline: str = "index") -> None:
    job = running.client.submit(source, pipeline=pipeline)
    running.client.wait(job.id, timeout=WAIT_SECONDS)


def _again(running: Service, file: Path) -> None:
    job = running.client.submit(file)
    assert job.finished, f"{file} was not answered by the earlier job"


def _stages(running: Service) -> list[tuple[str, list[float], list[float]]]:
    """For each stage that ran: milliseconds from ready to claimed, and from claimed to closed."""
    statement = (
        "select stage, array_agg(waited_seconds * 1000), array_agg(ran_seconds * 1000) from stage_runs "
        "where status = 'succeeded' group by stage, position order by position"
    )
    rows: Sequence[Sequence[object]] = running.sql(statement)
    return [(str(stage), _floats(waited), _floats(ran)) for stage, waited, ran in rows]


def _floats(values: object) -> list[float]:
    assert isinstance(values, list)
    return [float(value) for value in values]


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "p50": median(ordered),
        "p95": ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))],
        "n": len(ordered),
    }
