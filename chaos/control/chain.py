"""The chain's Celery app: three tasks that work a little, and write down that they did.

Every setting that Celery's documentation recommends against losing tasks is on.
`python -m celery -A chaos.control.chain worker` runs it.
"""

import hashlib
import os
from typing import Any

from celery import Celery, chain
from kombu import Exchange
from kombu import Queue as KombuQueue

from docrelay.names import Queue

BROKER = "CHAOS_CONTROL_BROKER"
DONE = "CHAOS_CONTROL_DONE"

ROUNDS = 300_000
"""Of a hash: some tenths of a second, as long as a small document takes."""

STEPS = tuple(Queue)
"""A queue for each step, named as the service's are."""


def make_app(broker_url: str) -> Celery:
    """The app with its three tasks."""
    exchange = Exchange("control", type="direct", durable=True)
    arguments = {"x-queue-type": "quorum"}
    celery = Celery("control", set_as_current=False)
    celery.conf.update(
        broker_url=broker_url,
        broker_heartbeat=20,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,
        broker_transport_options={"confirm_publish": True},
        task_publish_retry=True,
        task_publish_retry_policy={"max_retries": 60, "interval_start": 0.2, "interval_step": 0.2, "interval_max": 1},
        task_queues=[KombuQueue(name, exchange, routing_key=name, queue_arguments=arguments) for name in STEPS],
        task_default_queue=STEPS[0].value,
        task_default_exchange="control",
        task_default_routing_key=STEPS[0].value,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        task_serializer="json",
        accept_content=["json"],
    )
    for place, name in enumerate(STEPS):
        celery.task(name=f"control.{name}", shared=False)(_step(place))
    return celery


def send(celery: Celery, document: str) -> None:
    """Send a document's chain; returns when the broker has confirmed the first message."""
    steps: list[Any] = [
        celery.signature(f"control.{name}", args=[document], immutable=True, queue=name.value) for name in STEPS
    ]
    chain(*steps, app=celery).apply_async()


def _step(place: int) -> Any:
    def work(document: str) -> None:
        hashlib.pbkdf2_hmac("sha256", document.encode(), b"control", ROUNDS)
        line = f"{document} {place}\n".encode()
        file = os.open(os.environ[DONE], os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, line)
            os.fsync(file)
        finally:
            os.close(file)

    work.__name__ = f"step_{place}"
    return work


app = make_app(os.environ.get(BROKER, ""))
