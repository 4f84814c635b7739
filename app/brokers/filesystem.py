"""The embedded broker: a folder, `docrelay-files://localhost/absolute/path`, spoken to through kombu.

kombu's own filesystem transport opens a file before it writes it, so readers take half messages, and
keeps its bindings in files that are rewritten in place. This one leaves the files to `app.brokers.spool` and
keeps from kombu what makes AMQP out of a store: exchanges, prefetch, acknowledgement.

A message that was taken by a worker that is then killed is gone. That is allowed: rows are the truth,
and the sweep announces the work again. What a worker refuses goes to the dead-letter queue, as it
does with RabbitMQ.
"""

import logging
import threading
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem, virtual
from kombu.utils.json import dumps, loads

from app.brokers.spool import PASSING_SECONDS, Binding, Spool
from docrelay.names import DEAD_LETTER_QUEUE

log = logging.getLogger(__name__)

POLL_SECONDS = 0.05
"""How long a message may wait for an idle worker; looking at an empty folder costs some microseconds."""

SEEN_SECONDS = PASSING_SECONDS / 6


class Channel(filesystem.Channel):  # type: ignore[misc]
    """One channel; every method that touches files is the spool's."""

    def __init__(self, connection: Any, **kwargs: Any) -> None:
        """Called by kombu."""
        super().__init__(connection, **kwargs)
        # Kept, since messages may be given back after the connection has gone.
        self._spool: Spool = connection.spool
        self._wake: threading.Event = connection.wake
        self._listed: dict[str, deque[str]] = {}
        self._looked: dict[str, float] = {}

    # -- messages

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        # Only the default exchange makes queues: a queue that was bound and is gone was dropped.
        through_exchange = message["properties"]["delivery_info"].get("exchange")
        self._store(queue, message, create=not through_exchange)

    def _put_fanout(self, exchange: str, message: dict[str, Any], routing_key: str, **_: Any) -> None:
        for _key, _pattern, queue in self.get_table(exchange):
            self._store(queue, message, create=False)

    def _store(self, queue: str, message: dict[str, Any], *, create: bool) -> None:
        if not self._spool.drop_if_dead(queue):
            self._spool.put(queue, dumps(message).encode(), create=create)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        names = self._listed.setdefault(queue, deque())
        while True:
            if not names:
                self._look(queue)
                names.extend(self._spool.oldest(queue))
            if not names:
                raise Empty
            content = self._spool.take(queue, names.popleft())
            message = None if content is None else _decoded(content, queue)
            if message is not None:
                return message

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:  # noqa: FBT001, FBT002
        """Acknowledge a message; a worker that was full looks for the next at once."""
        super().basic_ack(delivery_tag, multiple=multiple)
        self._wake.set()

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002
        """Refuse a message; for good means to the dead-letter queue."""
        if not requeue:
            message = self.qos.get(delivery_tag)
            queue = message.delivery_info["routing_key"]
            if queue != DEAD_LETTER_QUEUE:
                self._store(DEAD_LETTER_QUEUE, _dead(message.serializable(), queue), create=True)
        super().basic_reject(delivery_tag, requeue=requeue)
        self._wake.set()

    def _size(self, queue: str) -> int:
        return self._spool.size(queue)

    def _purge(self, queue: str) -> int:
        return self._spool.purge(queue)

    # -- queues

    def _new_queue(self, queue: str, **options: Any) -> None:
        if not (options.get("auto_delete") or options.get("exclusive")):
            return  # lasting queues are made by their first message
        if queue not in self.connection.passing:
            # What is there was meant for an earlier process of that name, such as an order to stop.
            self._spool.drop(queue)
            self.connection.passing.add(queue)
        self._spool.make_passing(queue)

    def _look(self, queue: str) -> None:
        """Keep a passing queue alive, or make it again when this process slept too long."""
        now = time.monotonic()
        if queue not in self.connection.passing or now - self._looked.get(queue, 0.0) < SEEN_SECONDS:
            return
        self._looked[queue] = now
        if not self._spool.seen(queue):
            self._spool.make_passing(queue)
            for exchange, routing_key, arguments in self.state.queue_bindings(queue):
                key, pattern, _ = self.typeof(exchange).prepare_bind(queue, exchange, routing_key, arguments)
                self._queue_bind(exchange, key, pattern, queue)

    def basic_cancel(self, consumer_tag: str) -> None:
        """Stop consuming; a passing queue goes with its consumer."""
        queue = self._tag_to_queue.get(consumer_tag)
        super().basic_cancel(consumer_tag)
        if queue in self.connection.passing:
            self.queue_delete(queue)

    def queue_delete(self, queue: str, if_unused: bool = False, if_empty: bool = False, **_: Any) -> None:  # noqa: FBT001, FBT002
        """Remove a queue with its bindings, whichever process made them."""
        if if_empty and self._size(queue):
            return
        self.state.queue_bindings_delete(queue)
        self.connection.passing.discard(queue)
        self._listed.pop(queue, None)
        self._looked.pop(queue, None)
        self._spool.drop(queue)

    # -- bindings

    def get_table(self, exchange: str) -> list[Binding]:
        """What is bound to an exchange, by any process."""
        return self._spool.bindings(exchange)

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str | None, queue: str) -> None:
        self._spool.bind(exchange, (routing_key or "", pattern or "", queue or ""))

    def queue_unbind(
        self, queue: str, exchange: str = "", routing_key: str = "", arguments: Any = None, **_: Any
    ) -> None:
        """Take a binding away."""
        key, pattern, _queue = self.typeof(exchange).prepare_bind(queue, exchange, routing_key, arguments)
        self.state.binding_delete(queue, exchange, routing_key)
        self._spool.unbind(exchange, (key or "", pattern or "", queue))


class Transport(filesystem.Transport):  # type: ignore[misc]
    """The transport that kombu makes for a `docrelay-files` URL."""

    Channel = Channel
    polling_interval = POLL_SECONDS
    driver_type = "docrelay-files"
    driver_name = "docrelay-files"

    def __init__(self, client: Any, **kwargs: Any) -> None:
        """Called by kombu with the connection, whose virtual host is the path without its first slash."""
        super().__init__(client, **kwargs)
        # Not the global state of kombu's transport: it would remember bindings that others have dropped.
        self.state = virtual.BrokerState()
        self.spool = Spool(Path("/", client.virtual_host or ""))
        self.passing: set[str] = set()
        self.wake = threading.Event()

    def establish_connection(self) -> Any:
        """Make the folder, then what kombu does."""
        self.spool.prepare()
        return super().establish_connection()

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Deliver one message, or raise `TimeoutError`. As kombu's, but an acknowledgement ends the pause.

        A worker whose threads are all busy takes nothing; sleeping on when one is free again would cap
        it at its threads per pause.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            self.wake.clear()
            try:
                self.cycle.get(self._deliver, timeout=timeout)
            except Empty:
                left = POLL_SECONDS if end is None else min(POLL_SECONDS, end - time.monotonic())
                if left <= 0:
                    raise TimeoutError from None
                self.wake.wait(left)
            else:
                return


def _decoded(content: bytes, queue: str) -> dict[str, Any] | None:
    try:
        message: dict[str, Any] = loads(content.decode())
        _ = message["properties"]["delivery_tag"]  # what kombu reads first
    except (ValueError, TypeError, KeyError):
        # Files appear whole, so somebody else has written this one.
        log.exception("dropped a file that is no message from queue %s: %.200r", queue, content)
        return None
    return message


def _dead(message: dict[str, Any], queue: str) -> dict[str, Any]:
    """The message with the header that RabbitMQ gives a dead letter."""
    death = {"reason": "rejected", "queue": queue, "count": 1, "time": datetime.now(UTC).isoformat()}
    return {**message, "headers": {**message["headers"], "x-death": [death]}}
