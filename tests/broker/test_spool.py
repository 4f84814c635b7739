"""Queues of files: whole messages, each to one taker, in order, and nothing left over."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.brokers.spool import PASSING_SECONDS, SEEN, Spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / "broker")
    made.prepare()
    return made


def drain(spool: Spool, queue: str) -> list[bytes]:
    taken = []
    while names := spool.oldest(queue):
        taken += [content for name in names if (content := spool.take(queue, name)) is not None]
    return taken


def grow_old(path: Path) -> None:
    long_ago = time.time() - PASSING_SECONDS - 1
    os.utime(path, (long_ago, long_ago))


def test_messages_come_in_the_order_in_which_they_were_put(spool: Spool) -> None:
    for number in range(200):
        spool.put("work", b"%d" % number, create=True)
    assert spool.size("work") == 200
    assert drain(spool, "work") == [b"%d" % number for number in range(200)]
    assert spool.size("work") == 0


def test_each_message_has_one_taker_and_is_whole(spool: Spool) -> None:
    message = b"x" * 50_000
    ended = threading.Event()

    def put() -> None:
        for _ in range(250):
            spool.put("work", message, create=True)

    def take() -> list[bytes]:
        taken = []
        while not ended.is_set() or spool.size("work"):
            taken += drain(spool, "work")
        return taken

    with ThreadPoolExecutor(6) as pool:
        takers = [pool.submit(take) for _ in range(4)]
        for putter in [pool.submit(put) for _ in range(2)]:
            putter.result(30)
        ended.set()
        taken = [content for taker in takers for content in taker.result(30)]
    assert taken == [message] * 500
    assert list((spool.root / "aside").iterdir()) == []


def test_purging_removes_what_waits(spool: Spool) -> None:
    for _ in range(3):
        spool.put("work", b"", create=True)
    spool.put("other", b"kept", create=True)
    assert spool.purge("work") == 3
    assert drain(spool, "other") == [b"kept"]


def test_an_absent_queue_is_empty(spool: Spool) -> None:
    assert spool.size("nothing") == spool.purge("nothing") == 0
    assert spool.oldest("nothing") == []
    assert not spool.put("nothing", b"", create=False)


@pytest.mark.parametrize("name", ["../../escape", "..", ".", "a/b", "w1@host.celery.pidbox", "", "%2E"])
def test_any_name_stays_inside_the_folder(spool: Spool, tmp_path: Path, name: str) -> None:
    spool.put(name, b"here", create=True)
    spool.bind(name, ("key", "", "queue"))
    assert drain(spool, name) == [b"here"]
    assert spool.bindings(name) == [("key", "", "queue")]
    assert [path.name for path in tmp_path.iterdir()] == ["broker"]


def test_a_passing_queue_goes_when_nobody_looks(spool: Spool) -> None:
    spool.make_passing("events")
    spool.bind("exchange", ("#", "", "events"))
    spool.bind("exchange", ("key", "", "work"))
    spool.put("events", b"1", create=False)
    assert not spool.drop_if_dead("events")
    grow_old(spool.root / "queues" / "events" / SEEN)
    assert spool.drop_if_dead("events")
    assert spool.bindings("exchange") == [("key", "", "work")]
    assert not spool.seen("events")
    assert not (spool.root / "queues" / "events").exists()


def test_a_lasting_queue_never_goes(spool: Spool) -> None:
    spool.put("work", b"1", create=True)
    for path in (spool.root / "queues" / "work").iterdir():
        grow_old(path)
    spool.prepare()
    assert drain(spool, "work") == [b"1"]


def test_preparing_clears_what_killed_processes_left(spool: Spool) -> None:
    spool.make_passing("replies")
    grow_old(spool.root / "queues" / "replies" / SEEN)
    half, fresh = spool.root / "aside" / "half", spool.root / "aside" / "fresh"
    half.write_bytes(b"hal")
    grow_old(half)
    fresh.write_bytes(b"being written")
    spool.prepare()
    assert list((spool.root / "aside").iterdir()) == [fresh]
    assert list((spool.root / "queues").iterdir()) == []


def test_bindings_survive_rivals(spool: Spool) -> None:
    def bind(number: int) -> None:
        Spool(spool.root).bind("exchange", ("key", "", f"queue {number}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(bind, range(40)))
    assert {queue for _, _, queue in spool.bindings("exchange")} == {f"queue {n}" for n in range(40)}
    spool.unbind("exchange", ("key", "", "queue 7"))
    assert len(Spool(spool.root).bindings("exchange")) == 39
