"""How a worker treats what it cannot read."""

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer

log = logging.getLogger(__name__)

EVENTS_SECONDS = 0.1
"""Events for Flower are collected for so long: one message for each took a quarter of a worker's time."""


class RefusingConsumer(Consumer):  # type: ignore[misc]
    """Refuses every message it cannot make a task of, so that it becomes a dead letter and then a row.

    Celery itself refuses unknown tasks and content types, but acknowledges a body that cannot be decoded,
    and one that decodes to something else than arguments ends the worker, and the next one, and the next.
    """

    class Blueprint(Consumer.Blueprint):  # type: ignore[misc]
        """The worker's steps but the one that declares 28 queues for delayed messages: nothing is delayed."""

        default_steps = tuple(
            step for step in Consumer.Blueprint.default_steps if not step.endswith(":DelayedDelivery")
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Called by Celery."""
        self._flush_planned = False
        super().__init__(*args, **kwargs)

    def on_send_event_buffered(self) -> None:
        """An event waits in the buffer, put there by any thread: have the loop send it soon, with others."""
        if self.hub and not self._flush_planned:
            self._flush_planned = True
            self.hub.call_soon(self._plan_flush)

    def _plan_flush(self) -> None:
        self.hub.call_later(EVENTS_SECONDS, self._flush)

    def _flush(self) -> None:
        self._flush_planned = False
        self._flush_events()

    def on_close(self) -> None:
        """Send what waits before the connection goes: Flower would show these tasks as running for ever."""
        if self.event_dispatcher:
            self._flush_events()
        super().on_close()

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Refuse a message whose body cannot be decoded."""
        log.error("refused a message that cannot be decoded: %s", exc)
        message.reject_log_error(log, self.connection_errors)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """The function that takes each message: Celery's, which no message can break."""
        handle = super().create_task_handler(*args, **kwargs)
        outages = (*self.connection_errors, *self.channel_errors)

        def handle_or_refuse(message: Any) -> None:
            try:
                handle(message)
            except outages:
                raise
            except Exception:
                log.exception("refused a message that no task can be made of")
                if not message.acknowledged:
                    message.reject_log_error(log, self.connection_errors)

        return handle_or_refuse
