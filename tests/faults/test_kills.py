"""`kill -9` of any process, or the loss of every message, in the middle of 100 documents: all 100 end well."""

import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable
from typing import cast

import psutil
import pytest

from app.development.server import RabbitMQ
from app.stack.whole import Stack
from chaos.documents import documents
from chaos.invariants import broken_invariants, wait_for_all
from chaos.target import gone
from docrelay import Client
from docrelay.names import Queue

COUNT = 100
MIDDLE = 20
DRAIN_SECONDS = 90


def _kill(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    give_up = time.monotonic() + 10
    while not gone(process):
        assert time.monotonic() < give_up
        time.sleep(0.01)


def _kill_role(stack: Stack, role: str) -> None:
    pid = stack.supervisor.pids()[role]
    assert pid is not None, f"{role} is not running"
    _kill(pid)


def _all_run_again(stack: Stack) -> None:
    give_up = time.monotonic() + 20
    while not all(pid and psutil.pid_exists(pid) for pid in stack.supervisor.pids().values()):
        assert time.monotonic() < give_up, f"not all were started again: {stack.supervisor.pids()}"
        time.sleep(0.05)


def _kill_child(stack: Stack, role: str) -> None:
    worker = psutil.Process(stack.supervisor.pids()[role])
    wardens = [child for child in worker.children() if "app.isolation.child" in child.cmdline()]
    assert wardens, f"{role} has no document process to kill"
    _kill(wardens[0].children()[0].pid)


def _kill_broker(rabbitmq: RabbitMQ, client: Client) -> list[uuid.UUID]:
    """While it is down more is submitted: however fast the workers are, there is work that they cannot hear of."""
    rabbitmq.kill()
    more = [client.submit(data, name=name, collection="broker") for name, data in documents(MIDDLE, 99)]
    assert all(client.get(job.id).status == "queued" for job in more)
    rabbitmq.start()
    return [job.id for job in more]


def _purge(rabbitmq: RabbitMQ, client: Client) -> list[uuid.UUID]:
    """Until messages were destroyed: more is submitted, at once, since fast workers leave nothing waiting."""
    more: list[uuid.UUID] = []
    give_up = time.monotonic() + 20
    while not sum(rabbitmq.purge(queue) for queue in Queue):
        assert time.monotonic() < give_up, "no message was there to purge"
        sources = documents(MIDDLE, 100 + len(more))
        more += [job.id for job in client.submit_many([data for _, data in sources], collection="purged")]
    return more


FAULTS: dict[str, Callable[[Stack, RabbitMQ, Client], object]] = {
    "dispatcher": lambda stack, *_: _kill_role(stack, "dispatch"),
    "parse worker": lambda stack, *_: _kill_role(stack, "parse"),
    "vectorize worker": lambda stack, *_: _kill_role(stack, "vectorize"),
    "beat": lambda stack, *_: _kill_role(stack, "beat"),
    "broker": lambda _, rabbitmq, client: _kill_broker(rabbitmq, client),
    "every queue purged": lambda _, rabbitmq, client: _purge(rabbitmq, client),
}

CHARGED_FAULTS: dict[str, Callable[[Stack, RabbitMQ, Client], object]] = {
    "parse child": lambda stack, *_: _kill_child(stack, "parse"),
    "model process": lambda stack, *_: _kill_child(stack, "vectorize"),
}
"""A document's process that dies looks as if the document had done it: one strike, and another try."""


def _middle(client: Client, ids: list[uuid.UUID]) -> None:
    """Wait until some are done and some are not."""
    give_up = time.monotonic() + 60
    while sum(job.finished for job in client.jobs(ids=ids, limit=COUNT)) < MIDDLE:
        assert time.monotonic() < give_up
        time.sleep(0.02)


@pytest.mark.parametrize("fault", [*FAULTS, *CHARGED_FAULTS])
def test_all_documents_survive(fault: str, stack: Stack, rabbitmq: RabbitMQ, client: Client) -> None:
    """One fault among 100 documents; nothing is lost, stuck, silent or done twice."""
    seed = 1 + [*FAULTS, *CHARGED_FAULTS].index(fault)
    # At once: the service is faster than one who submits one after another.
    ids = [job.id for job in client.submit_many([data for _, data in documents(COUNT, seed)], collection=fault)]
    _middle(client, ids)
    assert sum(job.finished for job in client.jobs(ids=ids, limit=COUNT)) < COUNT, "the fault comes too late to matter"
    more = {**FAULTS, **CHARGED_FAULTS}[fault](stack, rabbitmq, client)
    ids += cast("list[uuid.UUID] | None", more) or []
    ended = wait_for_all(client, ids, DRAIN_SECONDS)
    assert [job.reason for job in ended if job.status != "succeeded"] == []
    _all_run_again(stack)
    assert broken_invariants(stack.database_url, charged=fault in CHARGED_FAULTS or seed > len(FAULTS)) == {}


def test_the_submitter_is_killed_after_submit_returned(stack: Stack, client: Client) -> None:
    """What `submit` returned for is there, although the program is killed the moment after."""
    program = textwrap.dedent(
        """
        import os, signal, sys
        from docrelay import Client
        client = Client(sys.argv[1])
        for number in range(20):
            job = client.submit(f"# Last words {number}".encode(), name=f"last-{number}.md", collection="submitter")
            print(job.id, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    command = [sys.executable, "-c", program, stack.database_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    ids = [uuid.UUID(line) for line in done.stdout.split()]
    assert len(ids) == 20
    ended = wait_for_all(client, ids, DRAIN_SECONDS)
    assert [job.reason for job in ended if job.status != "succeeded"] == []


def test_submit_needs_no_broker(stack: Stack, rabbitmq: RabbitMQ, client: Client) -> None:
    """With the broker frozen, `submit` answers at once, and the work is done when it thaws."""
    with rabbitmq.frozen():
        started = time.monotonic()
        jobs = [client.submit(data, name=name, collection="frozen") for name, data in documents(20, 77)]
        assert time.monotonic() - started < 5
        assert all(job.status == "queued" for job in jobs)
    ended = wait_for_all(client, [job.id for job in jobs], DRAIN_SECONDS)
    assert [job.reason for job in ended if job.status != "succeeded"] == []
