"""Faults of RabbitMQ."""

import socket
import time

import httpx
from celery import Celery

from app.brokers.publisher import Announcement, Publisher
from app.brokers.topology import declare
from chaos.target import Brokered, NotInjected, Target, until
from config.celery import celery_settings
from docrelay.names import STAGE_TASK_PREFIX, Queue

BURST = 12
BURST_SECONDS = 5.0


def _listens(target: Brokered) -> bool:
    try:
        socket.create_connection(("127.0.0.1", target.rabbitmq.port), timeout=1).close()
    except OSError:
        return False
    return True


def _wait_until_down(target: Brokered) -> None:
    until(lambda: not _listens(target), 30, "RabbitMQ still listens")


def kill_and_start(target: Brokered) -> str:
    """SIGKILL, and up again."""
    target.rabbitmq.kill()
    try:
        _wait_until_down(target)
    finally:
        target.rabbitmq.start()
    return "killed and started"


def stop_and_start_app(target: Brokered) -> str:
    """The broker stops in order, stays away for a while and comes back."""
    target.rabbitmq.rabbitmqctl("stop_app")
    try:
        _wait_until_down(target)
        time.sleep(target.dice.uniform(0, target.timing.outage))
    finally:
        target.rabbitmq.rabbitmqctl("start_app")
    until(lambda: _listens(target), 30, "RabbitMQ does not listen again")
    return "was away"


def close_connections(target: Brokered) -> str:
    """The broker closes every connection."""
    before = _connections(target)
    if not before:
        raise NotInjected("nobody was connected")
    target.rabbitmq.rabbitmqctl("close_all_connections", "chaos")
    # Told at once, but a connection under load takes a moment to end.
    until(lambda: not before & _connections(target), 20, "some connections were not closed")
    return f"{len(before)} connections closed"


def _connections(target: Brokered) -> set[str]:
    """Those that can be used: one whose client reads nothing just now stays listed as closing."""
    lines = target.rabbitmq.rabbitmqctl("list_connections", "pid", "state").splitlines()
    return {line.split("\t")[0] for line in lines if line.endswith("\trunning")}


def purge(target: Brokered) -> str:
    """Every queue is emptied; at least one message must have been destroyed."""
    # Many at once, since a fast service leaves nothing waiting; more of them only if all were through already.
    fed = [0.0]

    def destroy() -> int:
        if time.monotonic() - fed[0] > BURST_SECONDS:
            fed[0] = time.monotonic()
            target.feed(BURST)
        return sum(target.rabbitmq.purge(queue) for queue in Queue)

    destroyed = until(destroy, 30, "no message was there to purge")
    return f"{destroyed} messages destroyed"


def deliver_twice(target: Target) -> str:
    """Messages that were sent already are sent again, three times each: for running, ready and finished stages."""
    sent = """select id, stage, queue, message_id, job_id from stage_runs where message_id is not null
              order by status in ('running', 'ready') desc, claimed_at desc nulls last limit 20"""
    stages = target.rows(sent)
    again = [
        Announcement(STAGE_TASK_PREFIX + stage, [str(run)], Queue(queue), message, str(job), None, "again")
        for run, stage, queue, message, job in stages
        for _ in range(3)
    ]
    if not again:
        raise NotInjected("no message had been sent yet")
    celery = Celery("chaos", set_as_current=False)
    celery.conf.update(celery_settings(), broker_url=target.rabbitmq.url)
    dropped = "select count(*) from events where kind = 'message dropped'"
    before = target.rows(dropped)[0][0]
    with Publisher(celery) as publisher:
        publisher.publish_many(again)
    target.fed_until(lambda: target.rows(dropped)[0][0] > before, 30, "no duplicate reached a worker")
    return f"{len(again)} duplicates sent"


def down_while_submitting(target: Target) -> str:
    """The broker is dead for a while, and documents are submitted meanwhile."""
    target.rabbitmq.kill()
    try:
        _wait_until_down(target)
        before = len(target.load.accepted)
        target.load.feed(3)
        time.sleep(target.timing.outage)
        accepted = len(target.load.accepted) - before
    finally:
        target.rabbitmq.start()
    if not accepted and target.load.left:
        raise NotInjected("nothing was accepted while the broker was down")
    return f"{accepted} accepted while it was down"


def freeze(target: Brokered) -> str:
    """SIGSTOP for a while: connections stay open and nothing answers."""
    with target.rabbitmq.frozen():
        try:
            httpx.get(f"{target.rabbitmq.api_url}/api/overview", timeout=1)
        except httpx.TimeoutException:
            time.sleep(target.dice.uniform(1, target.timing.outage))
        else:
            raise NotInjected("a frozen broker has answered")
    return "did not answer"


def alarm(target: Brokered) -> str:
    """The memory alarm: publishers are blocked."""
    with target.rabbitmq.alarmed():
        until(lambda: _alarmed(target, "mem_alarm"), 20, "no memory alarm")
        time.sleep(target.dice.uniform(1, target.timing.outage))
    return "publishers were blocked"


def disk_alarm(target: Brokered) -> str:
    """The disk alarm: more room is asked for than any disk has, and publishers are blocked."""
    target.rabbitmq.rabbitmqctl("set_disk_free_limit", "1000000GB")
    try:
        until(lambda: _alarmed(target, "disk_free_alarm"), 20, "no disk alarm")
        time.sleep(target.dice.uniform(1, target.timing.outage))
    finally:
        target.rabbitmq.rabbitmqctl("set_disk_free_limit", "50MB")
    return "publishers were blocked"


def full_disk(target: Target) -> str:
    """There is no room for a byte more: RabbitMQ refuses messages, then notices, and blocks publishers.

    Queues whose log could not be written stay broken, even when RabbitMQ is started again. So whoever has made room
    wipes it and runs `python -m app migrate`: all messages are gone, and only the rows know what there is to do.
    """
    with target.broker_disk.full():
        until(lambda: _alarmed(target, "disk_free_alarm"), 40, "RabbitMQ did not notice that its disk is full")
        time.sleep(target.dice.uniform(1, target.timing.outage))
    kill_and_start(target)
    for word in ("stop_app", "force_reset", "start_app"):
        target.rabbitmq.rabbitmqctl(word)
    until(lambda: _listens(target), 30, "RabbitMQ does not listen again")
    declare(target.rabbitmq.url, target.rabbitmq.api_url)
    return "full, publishers were blocked; then it was wiped"


def _alarmed(target: Brokered, alarm: str) -> bool:
    nodes = httpx.get(f"{target.rabbitmq.api_url}/api/nodes", timeout=5).json()
    return any(node.get(alarm) for node in nodes)


def delete_queue(target: Target) -> str:
    """A queue is deleted with what is in it; later somebody runs `python -m app migrate`."""
    queue = target.dice.choice([Queue.PARSE, Queue.VECTORIZE, Queue.NOTIFY])
    target.rabbitmq.rabbitmqctl("delete_queue", queue)
    try:
        until(lambda: queue not in _queues(target), 20, f"{queue} is still there")
        time.sleep(target.dice.uniform(0, target.timing.outage))
        if queue in _queues(target):
            raise NotInjected(f"somebody has made {queue} again")
    finally:
        declare(target.rabbitmq.url, target.rabbitmq.api_url)
    return f"{queue} was deleted"


def _queues(target: Brokered) -> list[str]:
    return target.rabbitmq.rabbitmqctl("list_queues", "name").splitlines()


def revoke(target: Target) -> str:
    """An operator revokes and terminates, in Celery's own way, whatever is announced or running."""
    celery = Celery("chaos", set_as_current=False)
    celery.conf.update(celery_settings(), broker_url=target.rabbitmq.url)

    def told() -> int:
        announced = target.rows("select message_id from stage_runs where message_id is not null order by id")
        # A connection of its own: those that kombu keeps were broken by earlier faults.
        with celery.connection_for_write() as connection:
            control = {"connection": connection, "terminate": True, "signal": "SIGKILL"}
            celery.control.revoke([row[0] for row in announced[-50:]], **control)
            answers = celery.control.inspect(timeout=2, connection=connection).revoked() or {}
        return sum(len(revoked) for revoked in answers.values())

    count = target.fed_until(told, 30, "no worker has heard of it")
    return f"{count} messages are revoked in workers"
