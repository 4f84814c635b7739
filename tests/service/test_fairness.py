"""Collections share the workers: a small one does not wait for the end of a large one."""

import os
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from app.stack.whole import Stack
from docrelay import Client

ROOT = Path(__file__).resolve().parents[2]
UNDER_WAY = """
    select count(*) filter (where s.status = 'running' or s.status = 'ready' and s.announced_at is not null),
           count(*) filter (where s.status = 'succeeded')
    from stage_runs s where collection = %s
"""
DONE = "select collection, count(*) from jobs where status = 'succeeded' and collection = any(%s) group by 1"


def _set(stack: Stack, *arguments: str) -> None:
    environment = {**os.environ, "DOCRELAY_DATABASE_URL": stack.database_url}
    command = [sys.executable, "-m", "app", "collection", *arguments]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=60)


def test_a_small_collection_is_not_held_up_by_a_large_one(client: Client) -> None:
    """Eighty documents were there first, ten came later: the ten are done long before the eighty."""
    mark = uuid.uuid4().hex
    crowd = client.submit_many([f"crowd {mark} {n}".encode() for n in range(80)], collection=f"crowd-{mark}")
    few = client.submit_many([f"few {mark} {n}".encode() for n in range(10)], collection=f"few-{mark}")
    for job in few:
        client.wait(job.id, timeout=90)
    assert sum(job.finished for job in client.jobs(ids=[job.id for job in crowd])) < 60
    for job in crowd:
        client.wait(job.id, timeout=90)


def test_a_heavy_collection_has_more_turns(client: Client, stack: Stack) -> None:
    """Of two that came at once, the one of weight 4 is well ahead when half of all is done."""
    mark = uuid.uuid4().hex
    light, heavy = f"light-{mark}", f"heavy-{mark}"
    _set(stack, "set", heavy, "--weight", "4")
    at = datetime.now(UTC) + timedelta(seconds=2)  # one that came first would have all that the queues hold
    jobs = client.submit_many([f"light {mark} {n}".encode() for n in range(60)], collection=light, at=at)
    jobs += client.submit_many([f"heavy {mark} {n}".encode() for n in range(60)], collection=heavy, at=at)
    done: dict[str, int] = {}
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        give_up = time.monotonic() + 90
        while sum(done.values()) < 60:
            assert time.monotonic() < give_up
            done = dict(connection.execute(DONE, ([light, heavy],)).fetchall())
            time.sleep(0.01)
    assert done[heavy] > 1.5 * done.get(light, 0), done
    for job in jobs:
        client.wait(job.id, timeout=90)


def test_a_cap_holds(client: Client, stack: Stack) -> None:
    """However much is ready, no more is under way than the cap; without it, it was more."""
    collection = f"capped-{uuid.uuid4().hex}"

    def most() -> int:
        jobs = client.submit_many([uuid.uuid4().bytes.hex().encode() for _ in range(12)], collection=collection)
        found = 0
        with psycopg.connect(stack.database_url, autocommit=True) as connection:
            give_up = time.monotonic() + 90
            while not all(job.finished for job in client.jobs(ids=[job.id for job in jobs])):
                assert time.monotonic() < give_up
                row = connection.execute(UNDER_WAY, (collection,)).fetchone()
                assert row is not None
                found = max(found, row[0])
        return found

    assert most() > 1
    _set(stack, "set", collection, "--weight", "1", "--cap", "1")
    assert most() == 1


def _long_text(mark: str, lines: int) -> bytes:
    return "\n\n".join(
        f"Case {n} of {mark[:8]} was heard, and {n * 7} of the {n + 3} points were met." for n in range(lines)
    ).encode()


def test_large_documents_make_way(client: Client, stack: Stack) -> None:
    """With every slot taken by a large one, what somebody waits for does not wait for the end of any of them."""
    large = [
        client.submit(_long_text(uuid.uuid4().hex, 900), name=f"large-{n}.md", collection="large") for n in range(5)
    ]
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        running = "select count(*) from stage_runs where stage = 'vectorize' and status = 'running'"
        give_up = time.monotonic() + 60
        while (connection.execute(running.encode()).fetchone() or [0])[0] < 4:
            assert time.monotonic() < give_up
            time.sleep(0.05)
    urgent = client.submit(f"Somebody waits for {uuid.uuid4().hex}.".encode(), priority=9, collection="urgent")
    client.wait(urgent.id, timeout=60)
    assert not any(job.finished for job in client.jobs(ids=[job.id for job in large]))
    for job in large:
        done = client.wait(job.id, timeout=200)
        assert done.stages[1].failures == 0
    embedded = [client.get(job.id).stages[1] for job in large]
    assert any(stage.attempt > 1 for stage in embedded)
