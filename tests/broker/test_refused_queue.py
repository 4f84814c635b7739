"""A queue that takes no messages keeps nobody else's waiting."""

import time
from collections.abc import Iterator

import pytest
from celery import Celery
from sqlalchemy import Engine, text

from app.brokers.publisher import Publisher
from app.brokers.topology import declare
from app.development.server import RabbitMQ
from app.dispatch.announce import Announcer
from docrelay import Client
from docrelay.database import make_engine
from docrelay.names import Queue

HERE, GONE = Queue.PARSE, Queue.NOTIFY

EVERY_SECOND = """
    update stage_runs set queue = :queue from (
        select id, row_number() over (order by id) as place from stage_runs where status = 'ready'
    ) numbered where stage_runs.id = numbered.id and place % 2 = 0
"""


@pytest.fixture
def engine(url: str, client: Client) -> Iterator[Engine]:
    """Of a database in which forty stages wait, for two queues in turn."""
    client.submit_many([f"text {number}".encode() for number in range(40)])
    made = make_engine(url)
    with made.begin() as connection:
        connection.execute(text(EVERY_SECOND), {"queue": GONE})
    yield made
    made.dispose()


def test_a_queue_that_is_gone_keeps_no_other_waiting(app: Celery, declared: RabbitMQ, engine: Engine) -> None:
    """Its stages stay ready, the operator is told its name, and it is tried again by itself."""
    declared.rabbitmqctl("delete_queue", GONE)
    with Publisher(app) as publisher:
        announcer = Announcer(engine, publisher, again_seconds=30.0)
        sent = announcer.round().sent
        assert sent == publisher.queue_state(HERE).messages > 0
        assert announcer.trouble == f"no messages are taken by {GONE}"
        assert _announced(engine) == {HERE: sent}
        declared.purge(HERE)
        with engine.begin() as connection:  # as if workers had taken them
            connection.execute(text("update stage_runs set status = 'succeeded' where announced_at is not null"))
        assert announcer.round().sent > 0  # at once, although the other one rests
        declare(declared.url, declared.api_url)
        give_up = time.monotonic() + 20
        while announcer.trouble:
            assert time.monotonic() < give_up
            time.sleep(0.1)
            announcer.round()
        assert publisher.queue_state(GONE).messages > 0


def test_nobody_is_told_of_a_queue_for_which_nothing_waits(app: Celery, declared: RabbitMQ, engine: Engine) -> None:
    """Another dispatcher has sent it, or the jobs were cancelled: the trouble is over."""
    declared.rabbitmqctl("delete_queue", GONE)
    with Publisher(app) as publisher:
        announcer = Announcer(engine, publisher, again_seconds=30.0)
        announcer.round()
        assert announcer.trouble
        with engine.begin() as connection:
            connection.execute(text("update stage_runs set status = 'succeeded' where queue = :queue"), {"queue": GONE})
        announcer.round()
        assert announcer.trouble is None


def _announced(engine: Engine) -> dict[str, int]:
    statement = "select queue, count(*) from stage_runs where announced_at is not null group by queue"
    with engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(text(statement))}
