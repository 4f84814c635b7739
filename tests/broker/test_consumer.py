"""What a worker cannot read becomes a dead letter, with either broker, and it goes on working."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from kombu import Connection

from app.brokers.deadletters import drain_dead_letters
from app.brokers.publisher import Publisher
from app.brokers.topology import queue_state
from app.development.server import RabbitMQ
from docrelay.names import DEAD_LETTER_QUEUE, Queue
from tests.broker.conftest import Worker, announcement, wait_until
from tests.broker.worker_app import make_app

HEADERS = {"task": "docrelay.parse", "id": "t-1", "root_id": "t-1", "lang": "py", "argsrepr": "[]"}
BODY = json.dumps([["x"], {}, {}])

GARBAGE: dict[str, dict[str, Any]] = {
    "broken json": {"body": "{nonsense", "headers": HEADERS},
    "no headers": {"body": b"\xff\xfe\x00", "headers": {}},
    "a list without headers": {"body": "[1, 2]", "headers": {}},
    "unknown task": {"body": BODY, "headers": {**HEADERS, "task": "docrelay.nothing"}},
    "pickle": {"body": b"\x80\x04N.", "headers": HEADERS, "content_type": "application/x-python-serialize"},
    "body of another shape": {"body": '{"a": 1}', "headers": HEADERS},
}


@pytest.fixture(params=["files", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> str:
    if request.param == "files":
        return str(request.getfixturevalue("files_url"))
    server: RabbitMQ = request.getfixturevalue("declared")
    return server.url


def send(connection: Connection, body: str | bytes, headers: dict[str, Any], **options: Any) -> None:
    channel = connection.default_channel
    content_type = options.get("content_type", "application/json")
    encoding = "utf-8" if isinstance(body, str) else "binary"
    message = channel.prepare_message(body, headers=headers, content_type=content_type, content_encoding=encoding)
    channel.basic_publish(message, exchange="", routing_key=Queue.PARSE.value)


def test_garbage_becomes_dead_letters(broker: str, start_worker: Callable[..., Worker]) -> None:
    worker = start_worker(broker)
    with Connection(broker) as connection:
        for garbage in GARBAGE.values():
            send(connection, **garbage)
        wait_until(
            lambda: queue_state(connection, DEAD_LETTER_QUEUE).messages == len(GARBAGE),
            lambda: (queue_state(connection, DEAD_LETTER_QUEUE), worker.log),
        )
        letters = list(drain_dead_letters(connection, 100, 5))
    with Publisher(make_app(broker)) as publisher:
        publisher.publish_many([announcement()])
    wait_until(lambda: worker.done() == [announcement().task_id], lambda: worker.log)
    assert {letter.queue for letter in letters} == {Queue.PARSE}
    assert {letter.reason for letter in letters} == {"rejected"}
    sent = sorted(str(as_bytes(garbage["body"])) for garbage in GARBAGE.values())
    assert sorted(str(letter.body) for letter in letters) == sent
    assert sum(letter.headers.get("id") == "t-1" for letter in letters) == 4
    json.dumps([letter.headers for letter in letters])


def as_bytes(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body
