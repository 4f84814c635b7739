"""What a Celery worker or Beat does when it starts, is told to stop, and has stopped."""

import atexit
import importlib
import logging
from typing import Any

from celery import signals

from app.alerts import COURIER, AlertWatch
from app.presence import Presence
from app.runtime import stopping
from app.schedule import metrics
from app.telling import teller
from config.logs import configure_logging
from config.notifications import notifications
from config.settings import settings

log = logging.getLogger(__name__)

_presence: list[Presence] = []


def connect() -> None:
    """Connect our handlers; safe to call again."""
    signals.setup_logging.connect(_on_setup_logging)
    signals.import_modules.connect(_on_import_modules)
    signals.worker_ready.connect(_on_worker_ready)
    signals.worker_shutting_down.connect(_on_worker_shutting_down)
    signals.worker_shutdown.connect(_on_worker_shutdown)
    signals.beat_init.connect(_on_beat_init)


def _on_setup_logging(**_: Any) -> None:
    configure_logging(settings().log_level)


def _on_import_modules(**_: Any) -> None:
    # Flower has no signal of its own. Nobody asks other processes, where it costs nothing.
    metrics.register()


def _on_worker_ready(sender: Any, **_: Any) -> None:
    queues = [queue.name for queue in sender.task_consumer.queues]
    if len(queues) != 1:
        # Prefetch counts per consumer: with two queues, one hoards messages while the other's work runs.
        log.warning("this worker consumes %s; start one worker for each queue", ", ".join(queues))
    _presence.extend(Presence("worker", queue=queue, slots=sender.pool.limit) for queue in queues)
    for presence in _presence:
        presence.start()


def _on_worker_shutting_down(**_: Any) -> None:
    stopping.ask(settings().stop_seconds)


def _on_worker_shutdown(**_: Any) -> None:
    teller().close()
    while _presence:
        _presence.pop().stop()


def _on_beat_init(**_: Any) -> None:
    presence = Presence("beat")
    presence.start()
    atexit.register(presence.stop)  # Celery has no signal for Beat's end
    # Who else would say that no dispatcher is left?
    carrying: Any = importlib.import_module(COURIER)
    carrying.Courier(stopping, "beat").start()
    AlertWatch(settings(), notifications(), stopping).start()
