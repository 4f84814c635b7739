"""What `migrate` makes on the broker, and what it says when it cannot."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from celery import Celery
from kombu import Connection
from kombu import Queue as KombuQueue

from app.brokers.deadletters import drain_dead_letters
from app.brokers.publisher import Publisher
from app.brokers.topology import QueueState, declare, queue_state
from app.development.server import RabbitMQ
from app.errors import BrokerUnavailable
from docrelay.errors import ConfigError
from docrelay.names import DEAD_LETTER_EXCHANGE, DEAD_LETTER_QUEUE, Queue
from tests.broker.conftest import Worker, announcement, wait_until


def asked(server: RabbitMQ, path: str) -> Any:
    return httpx.get(f"{server.api_url}/api/{path}", timeout=10).json()


def test_declaring_again_changes_nothing(declared: RabbitMQ) -> None:
    assert declare(declared.url, declared.api_url) == declare(declared.url, declared.api_url)
    queues = {queue["name"]: queue for queue in asked(declared, "queues/%2F")}
    assert {*Queue, DEAD_LETTER_QUEUE} <= queues.keys()
    for name in (*Queue, DEAD_LETTER_QUEUE):
        assert queues[name]["type"] == "quorum"
        assert queues[name]["durable"]


def test_the_policy_reaches_the_queues(declared: RabbitMQ) -> None:
    # Asked of the queues themselves: the management pages are seconds behind.
    listed = json.loads(declared.rabbitmqctl("list_queues", "name", "policy", "--formatter=json"))
    policies = {queue["name"]: queue["policy"] for queue in listed}
    assert {policies[queue] for queue in Queue} == {"docrelay"}
    assert policies[DEAD_LETTER_QUEUE] == "docrelay-dead"
    policy = asked(declared, "policies/%2F/docrelay")["definition"]
    assert policy["delivery-limit"] == 20
    assert policy["dead-letter-exchange"] == DEAD_LETTER_EXCHANGE
    assert policy["dead-letter-strategy"] == "at-least-once"
    assert policy["overflow"] == "reject-publish"


def test_without_the_api_it_says_what_to_run(declared: RabbitMQ) -> None:
    told = [line for line in declare(declared.url, "") if "rabbitmqctl" in line]
    assert len(told) == 2
    for line in told:
        command = line.partition("rabbitmqctl ")[2]
        words = [word.strip("'") for word in command.split(" '", 1)[0].split()]
        assert words[0] == "set_policy"
        vhost, rest = command.split("--vhost '")[1].split("' ", 1)
        name, pattern, definition, option = rest.split(" '")[0], *rest.split("'")[1:5:2], rest.split("' ")[-1]
        json.loads(definition)
        declared.rabbitmqctl("set_policy", "--vhost", vhost, name, pattern, definition, *option.split())


def test_a_queue_of_another_kind_is_named(declared: RabbitMQ) -> None:
    declared.rabbitmqctl("delete_queue", Queue.NOTIFY)
    try:
        with Connection(declared.url) as connection:
            KombuQueue(Queue.NOTIFY.value, channel=connection.default_channel).declare()
        with pytest.raises(ConfigError) as caught:
            declare(declared.url, declared.api_url)
    finally:
        declared.rabbitmqctl("delete_queue", Queue.NOTIFY)
    for word in ("docrelay.notify", "x-queue-type", "quorum", "delete_queue docrelay.notify", "migrate"):
        assert word in str(caught.value)


def test_a_refusing_api_names_the_variable_but_no_password(declared: RabbitMQ) -> None:
    with pytest.raises(ConfigError, match="DOCRELAY_BROKER_API_URL") as caught:
        declare(declared.url, f"http://guest:wrong-password@127.0.0.1:{declared.api_port}")
    assert "wrong-password" not in str(caught.value)


def test_nobody_there(rabbitmq: RabbitMQ) -> None:
    with pytest.raises(BrokerUnavailable, match="does not answer"):
        declare("amqp://guest:guest@127.0.0.1:1//", "")
    with pytest.raises(BrokerUnavailable, match="does not answer"):
        declare(rabbitmq.url, "http://127.0.0.1:1")


def test_an_early_worker_waits_for_the_queues(
    declared: RabbitMQ, app: Celery, start_worker: Callable[..., Worker]
) -> None:
    declared.rabbitmqctl("delete_queue", Queue.PARSE)
    worker = start_worker(declared.url)
    wait_until(lambda: "NOT_FOUND" in worker.log or "no queue" in worker.log, lambda: worker.log)
    declare(declared.url, declared.api_url)
    with Publisher(app) as publisher:
        publisher.publish_many([announcement()])
        wait_until(lambda: worker.done() == [announcement().task_id], lambda: worker.log)
        assert publisher.queue_state(Queue.PARSE) == QueueState(0, 1)
    assert worker.process.poll() is None


def test_a_dead_letter_stays_until_it_is_stored(declared: RabbitMQ) -> None:
    with Connection(declared.url) as connection:
        channel = connection.default_channel
        for number in range(3):
            body = channel.prepare_message(b"%d \xff" % number, headers={"when": {"nested": [b"x"]}})
            channel.basic_publish(body, exchange="", routing_key=Queue.PARSE.value)
        reject_all(connection)
        with pytest.raises(RuntimeError):
            fail_to_store(connection)
        letters = list(drain_dead_letters(connection, 2, 5))
        assert [letter.body for letter in letters] == [b"0 \xff", b"1 \xff"]
        assert [(letter.queue, letter.reason) for letter in letters] == [(Queue.PARSE, "rejected")] * 2
        json.dumps(letters[0].headers)
        wait_until(lambda: queue_state(connection, DEAD_LETTER_QUEUE).messages == 1, lambda: letters)
        started = time.monotonic()
        assert list(drain_dead_letters(connection, 100, 0)) == []
        assert len(list(drain_dead_letters(connection, 100, 5))) == 1
        assert time.monotonic() - started < 4, "an empty queue is no reason to wait"


def reject_all(connection: Connection) -> None:
    def dead() -> int:
        message = connection.default_channel.basic_get(Queue.PARSE.value)
        if message is not None:
            connection.default_channel.basic_reject(message.delivery_tag, requeue=False)
        return queue_state(connection, DEAD_LETTER_QUEUE).messages

    wait_until(lambda: dead() == 3, dead)


def fail_to_store(connection: Connection) -> None:
    for _ in drain_dead_letters(connection, 10, 5):
        raise RuntimeError("the database is away")
