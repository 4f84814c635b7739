"""The dispatcher's connection: confirmed, bounded, and it comes back by itself."""

import json
import time
from collections.abc import Iterator

import pytest
from celery import Celery
from kombu.exceptions import EncodeError

from app.brokers.publisher import Publisher
from app.brokers.topology import QueueState
from app.development.server import RabbitMQ
from app.errors import BrokerUnavailable
from docrelay.names import Queue
from tests.broker.conftest import announcement, bounded

FULL = "test-full"
MANY = 3_000


@pytest.fixture
def publisher(app: Celery, declared: RabbitMQ) -> Iterator[Publisher]:
    with Publisher(app) as made:
        yield made


def test_a_message_carries_what_flower_shows(publisher: Publisher, app: Celery) -> None:
    publisher.publish(
        "docrelay.parse",
        ["stage-run"],
        queue=Queue.PARSE,
        task_id="child",
        root_id="root",
        parent_id="parent",
        argsrepr="report.pdf",
        priority=5,
    )
    assert publisher.queue_state(Queue.PARSE) == QueueState(1, 0)
    with app.connection_for_read() as connection:
        message = connection.default_channel.basic_get(Queue.PARSE.value, no_ack=True)
    headers = message.properties["application_headers"]
    wanted = {"task": "docrelay.parse", "id": "child", "root_id": "root", "parent_id": "parent"}
    assert wanted | {"argsrepr": "report.pdf"} == {name: headers[name] for name in (*wanted, "argsrepr")}
    assert json.loads(message.body)[0] == ["stage-run"]
    assert message.properties["priority"] == 5
    assert message.properties["delivery_mode"] == 2


def test_a_batch_is_confirmed_as_a_whole(publisher: Publisher) -> None:
    started = time.monotonic()
    for first in range(0, 1000, 100):
        publisher.publish_many([announcement(first + number) for number in range(100)])
    print(f"{1000 / (time.monotonic() - started):.0f} messages/s")  # noqa: T201 - a measurement, seen with -rP
    assert publisher.queue_state(Queue.PARSE).messages == 1000


def test_an_unroutable_message_names_the_queue(publisher: Publisher, declared: RabbitMQ) -> None:
    declared.rabbitmqctl("delete_queue", Queue.NOTIFY)
    good = [announcement(1), announcement(2)]
    with pytest.raises(BrokerUnavailable, match=r"no queue docrelay\.notify.*migrate") as caught:
        publisher.publish_many([good[0], announcement(3, Queue.NOTIFY), good[1]])
    assert caught.value.confirmed == {each.task_id for each in good}
    with pytest.raises(BrokerUnavailable, match=r"no queue docrelay\.notify.*migrate"):
        publisher.queue_state(Queue.NOTIFY)
    publisher.publish_many([announcement(4)])
    assert publisher.queue_state(Queue.PARSE).messages == 3


def test_a_full_queue_refuses_and_says_which_were_taken(publisher: Publisher, declared: RabbitMQ) -> None:
    limits = '{"max-length":3,"overflow":"reject-publish"}'
    declared.rabbitmqctl("set_policy", FULL, "^docrelay.vectorize$", limits, "--priority", "9")
    try:
        # A quorum queue goes beyond its limit before it refuses, on a busy machine by some hundreds.
        with pytest.raises(BrokerUnavailable, match="refused") as caught:
            publisher.publish_many([announcement(number, Queue.VECTORIZE) for number in range(MANY)])
        assert 0 < len(caught.value.confirmed) < MANY
    finally:
        declared.rabbitmqctl("clear_policy", FULL)


def test_a_memory_alarm_costs_seconds(publisher: Publisher, declared: RabbitMQ) -> None:
    publisher.publish_many([announcement(0)])
    with declared.alarmed():
        for _ in range(2):  # the second on a new connection
            with bounded(6), pytest.raises(BrokerUnavailable, match="in time") as caught:
                publisher.publish_many([announcement(number) for number in range(20)])
            assert caught.value.confirmed == frozenset()
    publisher.publish_many([announcement(1)])


def test_a_frozen_broker_costs_seconds(publisher: Publisher, declared: RabbitMQ) -> None:
    publisher.publish_many([announcement(0)])
    with declared.frozen():
        for _ in range(2):  # the second has to connect first
            with bounded(12), pytest.raises(BrokerUnavailable, match="in time"):
                publisher.publish_many([announcement(1)])
    publisher.publish_many([announcement(2)])
    with declared.frozen(), bounded(12), pytest.raises(BrokerUnavailable):
        publisher.queue_state(Queue.PARSE)


def test_a_killed_broker_is_found_again(publisher: Publisher, declared: RabbitMQ) -> None:
    publisher.publish_many([announcement(0)])
    declared.kill()
    with bounded(6), pytest.raises(BrokerUnavailable, match="refused"):
        publisher.publish_many([announcement(1)])
    declared.start()
    publisher.publish_many([announcement(2)])
    declared.kill()
    declared.start()
    publisher.publish_many([announcement(3)])  # it noticed by itself that its connection had gone
    assert publisher.queue_state(Queue.PARSE).messages == 3


def test_an_error_of_the_caller_is_the_callers(publisher: Publisher) -> None:
    unsayable = announcement(1)
    unsayable.args.append(object())
    with pytest.raises(EncodeError, match="serializable"):
        publisher.publish_many([unsayable])
    publisher.publish_many([announcement(2)])
