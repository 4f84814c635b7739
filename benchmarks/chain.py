"""The rival of `jobs`: a Celery chain of three tasks that do nothing, set up as its documentation advises.

`python -m celery -A benchmarks.chain worker` runs it. The last task of each chain adds a byte to a file,
which is how the end is seen without a result backend.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery import Celery, chain
from kombu import Exchange
from kombu import Queue as KombuQueue

VARIABLE = "BENCHMARK_CHAIN_"
STEPS = ("one", "two", "three")


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a chain runs; workers get it by their environment."""

    broker_url: str
    ended_file: str
    confirmed: bool
    """Wait for the broker to confirm each message: without, one that it could not store is lost silently."""

    @property
    def name(self) -> str:
        """What its exchange, queues and tasks are called by."""
        return "chain-confirmed" if self.confirmed else "chain"

    @property
    def environment(self) -> dict[str, str]:
        """For its workers."""
        return {
            f"{VARIABLE}BROKER_URL": self.broker_url,
            f"{VARIABLE}ENDED_FILE": self.ended_file,
            f"{VARIABLE}CONFIRMED": str(int(self.confirmed)),
        }

    @classmethod
    def of_environment(cls) -> "Setting":
        """As its workers see it."""
        found = {name: os.environ.get(f"{VARIABLE}{name}", "") for name in ("BROKER_URL", "ENDED_FILE", "CONFIRMED")}
        return cls(found["BROKER_URL"], found["ENDED_FILE"], found["CONFIRMED"] == "1")

    def queue(self, step: str) -> str:
        """The queue of a step, which is also the name of its task."""
        return f"{self.name}.{step}"

    def ended(self) -> int:
        """How many chains have ended."""
        return Path(self.ended_file).stat().st_size


def make_app(setting: Setting) -> Celery:
    """The app with its three tasks."""
    exchange = Exchange(setting.name, type="direct")
    arguments = {"x-queue-type": "quorum"}
    names = [setting.queue(step) for step in STEPS]
    celery = Celery("benchmark", set_as_current=False)
    celery.conf.update(
        broker_url=setting.broker_url,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"confirm_publish": setting.confirmed},
        task_queues=[KombuQueue(name, exchange, routing_key=name, queue_arguments=arguments) for name in names],
        task_default_queue=names[0],
        task_default_exchange=setting.name,
        task_default_routing_key=names[0],
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        task_serializer="json",
        accept_content=["json"],
    )
    for name in names[:-1]:
        celery.task(name=name, shared=False)(_nothing)

    def last() -> None:
        _end(setting.ended_file)

    celery.task(name=names[-1], shared=False)(last)
    return celery


def send(celery: Celery, setting: Setting, count: int) -> None:
    """Send so many chains."""
    steps: list[Any] = [celery.signature(setting.queue(step), immutable=True) for step in STEPS]
    whole = chain(*[step.set(queue=step.task) for step in steps], app=celery)
    with celery.producer_or_acquire() as producer:
        for _ in range(count):
            whole.apply_async(producer=producer)


def _nothing() -> None:
    """A task without work."""


def _end(file: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, b".")
    finally:
        os.close(descriptor)


app = make_app(Setting.of_environment())
