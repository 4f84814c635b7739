"""Announcing stages to the broker: confirmed, bounded in time, never silent.

One round trip per message caps a connection at some hundred messages a second on quorum queues. So a
batch is written in one go and its confirmations are collected afterwards; nothing counts as announced
before its confirmation is there.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from celery import Celery
from celery.events import Event
from celery.utils.time import utcoffset
from kombu import Connection, Producer

from app.brokers import topology
from app.brokers.address import connect
from app.brokers.deadletters import DeadLetter, drain_dead_letters
from app.errors import BrokerUnavailable, MessagesRefused
from config.celery import CONFIRM_SECONDS, CONNECT_SECONDS
from docrelay.names import Queue


@dataclass(frozen=True, slots=True)
class Announcement:
    """One message that tells a worker of a stage that is ready."""

    task: str
    args: list[Any]
    queue: Queue
    task_id: str
    root_id: str
    """Task id of the chain's first stage; Flower draws the chain by it."""
    parent_id: str | None
    argsrepr: str
    """What Flower shows as the arguments."""
    priority: int | None = None


class _SentEvents:
    """Collects Celery's `task-sent` events of a batch, to send them as one message; Flower reads both forms."""

    def __init__(self, celery: Celery) -> None:
        # Only asked for the exchange. It would swallow errors, and keep what it could not send for ever.
        self._dispatcher = celery.events.Dispatcher(enabled=False, buffer_while_offline=False)
        self._clock = celery.clock
        self._events: list[Any] = []

    @property
    def exchange(self) -> Any:
        """Where events go."""
        return self._dispatcher.exchange

    def publish(self, type: str, fields: dict[str, Any], _producer: Producer, **_: Any) -> None:  # noqa: A002
        """Called by Celery for each message it has sent."""
        host, pid = self._dispatcher.hostname, self._dispatcher.pid
        clock = self._clock.forward()
        self._events.append(Event(type, hostname=host, utcoffset=utcoffset(), pid=pid, clock=clock, **fields))

    def drop(self) -> None:
        """Forget what was collected: the messages may not have been sent."""
        self._events.clear()

    def flush(self, producer: Producer) -> None:
        """Send all that were collected."""
        events, self._events = self._events, []
        if events:
            producer.publish(
                events,
                routing_key="task.multi",
                exchange=self.exchange.name,
                headers={"hostname": self._dispatcher.hostname},
                serializer="json",
                delivery_mode=1,
                retry=False,
            )


@dataclass(slots=True)
class _Batch:
    """What became of the messages of one batch, by RabbitMQ's running number of them on the channel."""

    waiting: dict[int, str] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    unroutable: dict[str, str] = field(default_factory=dict)


class Publisher:
    """Publishes on a connection of its own, made when first needed. For one thread; a context manager."""

    def __init__(self, celery: Celery) -> None:
        """Take the app whose broker and message format to use."""
        self._celery = celery
        self._events = _SentEvents(celery)
        self._connection: Connection | None = None
        self._producer: Producer | None = None
        self._confirms = False
        self._number = 0
        self._batch = _Batch()
        self._task_id = ""

    def __enter__(self) -> Self:
        """Nothing is connected yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop the connection."""
        self._collapse()

    def publish(
        self,
        task: str,
        args: list[Any],
        *,
        queue: Queue,
        task_id: str,
        root_id: str,
        parent_id: str | None,
        argsrepr: str,
        priority: int | None = None,
    ) -> None:
        """Publish one message and wait until the broker has it.

        Raises:
            BrokerUnavailable: it was not confirmed; the broker may have it or not.
        """
        self.publish_many([Announcement(task, args, queue, task_id, root_id, parent_id, argsrepr, priority)])

    def publish_many(self, announcements: Sequence[Announcement]) -> None:
        """Publish messages and wait until the broker has all of them.

        Raises:
            BrokerUnavailable: some were not confirmed, and `confirmed` says which were. Takes at most
                about ten seconds beyond what a healthy broker needs.
        """
        self._batch = _Batch()
        try:
            producer = self._connected()
            for announcement in announcements:
                self._send(producer, announcement)
            self._events.flush(producer)
            self._wait_for_confirms(producer)
        except _transport_errors(self._connection) as error:
            self._collapse()
            raise self._unavailable(error) from error
        except BaseException:
            self._collapse()
            raise
        self._check()

    def queue_state(self, queue: Queue) -> topology.QueueState:
        """How many messages wait in a queue, and how many workers read it.

        Raises:
            BrokerUnavailable: there is no such queue, or the broker does not answer.
        """
        with self._connection_for("asking for a queue") as connection:
            return topology.queue_state(connection, queue)

    def dead_letters(self, limit: int, seconds: float) -> Iterator[DeadLetter]:
        """What workers refused, as `drain_dead_letters` gives it.

        Raises:
            BrokerUnavailable: the broker does not answer.
        """
        with self._connection_for("reading dead letters") as connection:
            yield from drain_dead_letters(connection, limit, seconds)

    # -- connection

    @contextmanager
    def _connection_for(self, purpose: str) -> Iterator[Connection]:
        self._batch = _Batch()
        try:
            yield self._connected().channel.connection.client
        except BrokerUnavailable:
            self._collapse()
            raise
        except _transport_errors(self._connection) as error:
            self._collapse()
            raise BrokerUnavailable(f"{purpose}: {self._told(error)}") from error

    def _connected(self) -> Producer:
        if self._connection is not None:
            self._drop_if_stale(self._connection)
        if self._producer is None:
            self._producer = self._connect()
        return self._producer

    def _connect(self) -> Producer:
        connection = self._connection = self._celery.connection_for_write(connect_timeout=CONNECT_SECONDS)
        self._confirms = connection.transport.driver_type == "amqp"
        connect(connection)
        channel = connection.channel()
        if self._confirms:
            self._collect_confirms(channel)
        producer = Producer(channel, auto_declare=False)
        # Now, since a broker that blocks publishers would not answer it between two messages.
        producer.maybe_declare(self._events.exchange)
        return producer

    def _collect_confirms(self, channel: Any) -> None:
        channel.confirm_select()
        self._number = 0
        send = channel.basic_publish

        def numbered(*args: Any, **kwargs: Any) -> None:
            # Counts everything that is published on the channel, events too, as the broker does.
            self._number += 1
            self._batch.waiting[self._number] = self._task_id
            send(*args, **kwargs)

        channel.basic_publish = numbered
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)

    def _drop_if_stale(self, connection: Connection) -> None:
        # A broker that was restarted while we were idle has closed the connection. That is no failure yet.
        if not self._confirms:
            return
        try:
            connection.drain_events(timeout=0)
        except TimeoutError:
            return
        except _transport_errors(connection):
            self._collapse()

    def _collapse(self) -> None:
        """Drop the connection without a word to the broker: it may be why nothing answers."""
        connection, self._connection, self._producer = self._connection, None, None
        self._events.drop()
        if connection is not None:
            connection.collect(socket_timeout=0.1)

    # -- messages

    def _send(self, producer: Producer, announcement: Announcement) -> None:
        amqp = self._celery.amqp
        message = amqp.create_task_message(
            announcement.task_id,
            announcement.task,
            announcement.args,
            root_id=announcement.root_id,
            parent_id=announcement.parent_id,
            argsrepr=announcement.argsrepr,
            ignore_result=True,
            create_sent_event=self._celery.conf.task_send_sent_event,
        )
        options: dict[str, Any] = {"mandatory": True} if self._confirms else {}
        if announcement.priority is not None:
            options["priority"] = announcement.priority
        self._task_id = announcement.task_id
        amqp.send_task_message(
            producer,
            announcement.task,
            message,
            queue=announcement.queue.value,
            declare=[],
            retry=False,
            event_dispatcher=self._events,
            **options,
        )
        if not self._confirms:
            self._batch.confirmed.add(announcement.task_id)

    def _wait_for_confirms(self, producer: Producer) -> None:
        """Wait until nothing is open; `TimeoutError` when nothing more comes for `CONFIRM_SECONDS`."""
        batch = self._batch
        end = time.monotonic() + CONFIRM_SECONDS
        while batch.waiting:
            before = len(batch.waiting)
            producer.channel.connection.drain_events(timeout=max(0.001, end - time.monotonic()))
            if len(batch.waiting) < before:
                end = time.monotonic() + CONFIRM_SECONDS

    def _on_ack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 - py-amqp's signature
        self._batch.confirmed.update(self._settled(tag, multiple=multiple))

    def _on_nack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001
        self._batch.refused.update(self._settled(tag, multiple=multiple))

    def _settled(self, tag: int, *, multiple: bool) -> list[str]:
        waiting = self._batch.waiting
        numbers = [number for number in waiting if number <= tag] if multiple else [tag]
        return [waiting.pop(number) for number in numbers if number in waiting]

    def _on_return(self, _error: Exception, _exchange: str, routing_key: str, message: Any) -> None:
        self._batch.unroutable[message.properties.get("correlation_id", "")] = routing_key

    # -- outcome

    def _check(self) -> None:
        batch = self._batch
        if batch.unroutable:
            queues = ", ".join(sorted(set(batch.unroutable.values())))
            raise self._unavailable(f"there is no queue {queues}: run `python -m app migrate`", MessagesRefused)
        if batch.refused:
            raise self._unavailable("a queue refused a message, as full or broken queues do", MessagesRefused)

    def _unavailable(
        self, error: Exception | str, kind: type[BrokerUnavailable] = BrokerUnavailable
    ) -> BrokerUnavailable:
        batch = self._batch
        # A message has its event behind it under the same id, so an id counts only when nothing of it is open.
        open_ids = {*batch.waiting.values(), *batch.refused, *batch.unroutable}
        return kind(self._told(error), frozenset(batch.confirmed - open_ids))

    def _told(self, error: Exception | str) -> str:
        if isinstance(error, TimeoutError):
            error = "it does not answer in time: frozen, or a memory or disk alarm blocks publishers"
        return f"{self._celery.connection_for_write().as_uri()}: {error or type(error).__name__}"


def _transport_errors(connection: Connection | None) -> tuple[type[Exception], ...]:
    if connection is None:
        return (OSError,)
    # py-amqp raises AttributeError when a connection goes while it is being used.
    return (*connection.connection_errors, *connection.channel_errors, OSError, AttributeError)
