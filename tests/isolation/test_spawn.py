"""A document process lives as long as its worker, whichever thread started it."""

import threading
import time
from types import SimpleNamespace

import psutil

from app.isolation import DocumentProcess, Limits
from app.isolation.spawn import spawn

WATCH = SimpleNamespace(check=lambda: None, progress=lambda done, total: None)


def test_the_thread_that_started_it_may_end() -> None:
    """The next caller finds the same process, warm and alive."""
    process = DocumentProcess("tests.isolation.hostile", memory_mb=512)
    limits = Limits(seconds=30, silence=30, memory_mb=512)
    arguments = ("echo", {"text": "hello"}, str, limits, WATCH)
    try:
        starter = threading.Thread(target=process.call, args=arguments)
        starter.start()
        starter.join()
        time.sleep(0.3)  # a signal that was on its way has arrived
        pid = process.pid
        assert pid is not None
        assert process.call(*arguments) == "hello"
        assert process.pid == pid
    finally:
        process.kill()


def test_one_that_dies_idle_does_not_stay_a_zombie() -> None:
    """Nobody may ask for it for hours."""
    pid = spawn(["true"]).pid
    give_up = time.monotonic() + 20
    while psutil.pid_exists(pid) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)
