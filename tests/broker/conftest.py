"""Workers as processes, and brokers in the state in which a test needs them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery

from app.brokers.address import FILES
from app.brokers.publisher import Announcement
from app.brokers.topology import declare
from app.development.server import RabbitMQ
from docrelay.names import DEAD_LETTER_QUEUE, Queue
from tests.broker.worker_app import OUTPUT, URL, make_app

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30.0


class Worker:
    """A Celery worker of four threads in a process of its own."""

    def __init__(self, url: str, folder: Path, name: str = "worker") -> None:
        self.log_file = folder / f"{name}.log"
        self.output = folder / "output"
        command = [sys.executable, "-m", "celery", "-A", "tests.broker.worker_app", "worker"]
        options = ["--pool=threads", "--concurrency=4", f"--queues={Queue.PARSE}", f"--hostname={name}@test"]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *options, "--without-gossip", "--without-mingle", "--loglevel=INFO"],
                cwd=ROOT,
                env={**os.environ, URL: url, OUTPUT: str(self.output), "PYTHONUNBUFFERED": "1"},
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def done(self) -> list[str]:
        """The values of the tasks that ran, of all workers of this folder."""
        if not self.output.exists():
            return []
        return [line.split()[0] for line in self.output.read_text().splitlines()]

    def wait_ready(self) -> None:
        wait_until(lambda: " ready." in self.log, lambda: self.log)

    def ask_to_stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def wait(self) -> None:
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def stop(workers: list[Worker]) -> None:
    for worker in workers:
        worker.ask_to_stop()
    for worker in workers:
        worker.wait()


def wait_until(condition: Callable[[], object], told: Callable[[], object], seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, told()
        time.sleep(0.05)


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    took = time.monotonic() - started
    assert took < seconds, f"took {took:.1f} s"


def announcement(number: int = 1, queue: Queue = Queue.PARSE) -> Announcement:
    name = f"id-{queue}-{number}"
    return Announcement("docrelay.parse", [name], queue, name, "root", "parent", f"document {number}")


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts workers, and stops them after the test."""
    workers: list[Worker] = []

    def start(url: str, name: str = "worker") -> Worker:
        workers.append(Worker(url, tmp_path, name))
        return workers[-1]

    yield start
    stop(workers)


@pytest.fixture
def files_url(tmp_path: Path) -> str:
    """An embedded broker of this test's own."""
    return f"{FILES}://localhost{tmp_path}/broker"


@pytest.fixture
def files_app(files_url: str) -> Celery:
    """An app that uses it."""
    return make_app(files_url)


@pytest.fixture
def declared(rabbitmq: RabbitMQ) -> RabbitMQ:
    """RabbitMQ with everything that `migrate` declares, and all queues empty."""
    declare(rabbitmq.url, rabbitmq.api_url)
    for queue in (*Queue, DEAD_LETTER_QUEUE):
        rabbitmq.purge(queue)
    return rabbitmq


@pytest.fixture
def app(rabbitmq: RabbitMQ) -> Celery:
    """An app that uses RabbitMQ."""
    return make_app(rabbitmq.url)
