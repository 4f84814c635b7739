"""What a job costs without its work: three empty stages with all rows kept, beside a chain of three empty tasks."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from app.development.server import RabbitMQ
from benchmarks import empty_stages
from benchmarks.chain import STEPS, Setting
from benchmarks.cpu import Used
from benchmarks.report import Report, turns
from benchmarks.rivals import Rival, rival
from benchmarks.service import Service, broker, service
from config.settings import Settings

OURS = "docrelay"
DOCUMENT_BYTES = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure."""

    jobs: int = 500
    rounds: int = 3
    seed: int = 0
    broker: str = "rabbitmq"
    seconds: float = 300.0
    """Bound on one side of one round."""
    warm: bool = True
    """Let the embedding model be loaded first: loading it beside the measurement would take the cores."""


def measure(wanted: Wanted) -> Report:
    """Measure in turns.

    Raises:
        TooSlow: a side took longer than it may.
    """
    report = Report(
        "jobs: three empty stages, every row and event kept, beside a Celery chain of three empty tasks",
        {"arguments": f"{wanted.jobs} jobs, {wanted.rounds} rounds, seed {wanted.seed}", "broker": wanted.broker},
    )
    with ExitStack() as cleanup:
        server = cleanup.enter_context(broker(wanted.broker))
        ours = cleanup.enter_context(service(server, task_modules=empty_stages.__name__))
        if wanted.warm:
            ours.warm_up(b"A text to warm up with.")
        rivals = cleanup.enter_context(_rivals(server))
        sides = [OURS, *rivals]
        for number in range(wanted.rounds):
            for side in turns(sides, number):
                if side == OURS:
                    report.add(side, _ours(ours, wanted, number))
                else:
                    report.add(side, _theirs(rivals[side], wanted))
    for side in rivals:
        report.compare(f"jobs/s: {OURS} over {side}", "jobs/s", OURS, side)
        report.compare(f"CPU of the workers: {OURS} over {side}", "CPU ms/job", OURS, side)
        report.compare(f"CPU with servers: {OURS} over {side}", "with servers", OURS, side)
    return report


@contextmanager
def _rivals(server: RabbitMQ | None) -> Iterator[dict[str, Rival]]:
    """With and without confirmed messages; none on the embedded broker, which Celery alone does not have."""
    if server is None:
        yield {}
        return
    settings = Settings()
    slots = dict(zip(STEPS, (settings.parse_concurrency, 1, settings.notify_concurrency), strict=True))
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(TemporaryDirectory(prefix="docrelay-bench-chain-")))
        found = {}
        for confirmed in (False, True):
            setting = Setting(server.url, str(folder / f"ended-{confirmed}"), confirmed)
            found[setting.name] = cleanup.enter_context(rival(setting, slots))
        yield found


def _ours(running: Service, wanted: Wanted, number: int) -> dict[str, float]:
    chosen = random.Random(f"{wanted.seed}/{number}")  # distinct bytes: identical ones would be answered at once
    documents = [chosen.randbytes(DOCUMENT_BYTES) for _ in range(wanted.jobs)]
    running.forget()
    before, own, started = running.used(), _own_cpu(), time.monotonic()
    running.client.submit_many(documents, collection="bench", pipeline=empty_stages.PIPELINE)
    sent = time.monotonic()
    own = _own_cpu() - own
    ended = running.wait_all(wanted.jobs, wanted.seconds)
    return _numbers(wanted.jobs, sent - started, ended - started, running.used().since(before), own)


def _theirs(other: Rival, wanted: Wanted) -> dict[str, float]:
    before, own = other.used(), _own_cpu()
    sent, ended = other.run(wanted.jobs, wanted.seconds)
    return _numbers(wanted.jobs, sent, ended, other.used().since(before), _own_cpu() - own)


def _numbers(jobs: int, sent: float, ended: float, cpu: Used, client: float) -> dict[str, float]:
    """CPU in milliseconds per job, by whose it is; `with servers` is the sum of all."""
    parts = {"client": client, "CPU ms/job": cpu.service, "Postgres": cpu.postgres, "RabbitMQ": cpu.rabbitmq}
    per_job = {name: seconds * 1000 / jobs for name, seconds in parts.items()}
    return {"jobs/s": jobs / ended, "submit s": sent, "all s": ended, **per_job, "with servers": sum(per_job.values())}


def _own_cpu() -> float:
    times = os.times()
    return times.user + times.system
