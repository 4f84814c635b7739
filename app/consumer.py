"""How a worker treats what it cannot read."""

import logging
from typing import Any

from celery.worker.consumer import Consumer

log = logging.getLogger(__name__)


class RefusingConsumer(Consumer):  # type: ignore[misc]
    """Refuses what Celery would acknowledge, so that it becomes a dead letter and then a row.

    Celery itself refuses unknown tasks and content types; a body that cannot be decoded it acknowledges.
    """

    class Blueprint(Consumer.Blueprint):  # type: ignore[misc]
        """The worker's steps but the one that declares 28 queues for delayed messages: nothing is delayed."""

        default_steps = tuple(
            step for step in Consumer.Blueprint.default_steps if not step.endswith(":DelayedDelivery")
        )

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Refuse a message whose body cannot be decoded."""
        log.error("refused a message that cannot be decoded: %s", exc)
        message.reject_log_error(log, self.connection_errors)
