"""The faults that a Celery chain can have as well."""

import signal
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import psutil

from chaos import broker
from chaos.target import NotInjected, gone, until

if TYPE_CHECKING:
    from chaos.control.run import Chain


def _draw(chain: "Chain", step: str) -> tuple[str, psutil.Process]:
    def living() -> tuple[str, int] | None:
        found = [(name, pid) for name, pid in chain.supervisor.pids().items() if pid and name.startswith(step)]
        return chain.dice.choice(found) if found else None

    name, pid = until(living, 45, f"no living worker of {step}")
    return name, psutil.Process(pid)


def _kill_worker(chain: "Chain", step: str) -> str:
    name, process = _draw(chain, step)
    process.kill()
    until(lambda: gone(process), 10, f"{name} did not die")
    return f"{name} {process.pid} died"


def _kill_child(chain: "Chain") -> str:
    def child() -> psutil.Process | None:
        _, process = _draw(chain, "")
        try:
            return next(iter(process.children()), None)
        except psutil.NoSuchProcess:
            return None

    process = until(child, 30, "no pool process")
    process.kill()
    until(lambda: gone(process), 10, "it did not die")
    return f"pool process {process.pid} died"


def _freeze(chain: "Chain") -> str:
    """Longer than a lease of the service would last, the pool process too."""
    name, process = _draw(chain, "")
    stopped = [process, *process.children(recursive=True)]
    for each in stopped:
        each.suspend()
    try:
        time.sleep(chain.timing.lease + 2)
        if process.status() != psutil.STATUS_STOPPED:
            raise NotInjected(f"{name} was not stopped")
    finally:
        for each in stopped:
            each.resume()
    return f"{name} was frozen"


def _stop(chain: "Chain", step: str) -> str:
    name, process = _draw(chain, step)
    process.send_signal(signal.SIGTERM)
    until(lambda: gone(process), 60, f"{name} did not end after SIGTERM")
    return f"{name} ended"


FAULTS: dict[str, Callable[["Chain"], str]] = {
    "pool process killed": _kill_child,
    "parse worker killed": partial(_kill_worker, step="docrelay.parse"),
    "vectorize worker killed": partial(_kill_worker, step="docrelay.vectorize"),
    "notify worker killed": partial(_kill_worker, step="docrelay.notify"),
    "worker frozen": _freeze,
    "parse worker told to stop": partial(_stop, step="docrelay.parse"),
    "vectorize worker told to stop": partial(_stop, step="docrelay.vectorize"),
    "broker killed and started": broker.kill_and_start,
    "broker stopped for a while": broker.stop_and_start_app,
    "broker closes all connections": broker.close_connections,
    "every queue purged": broker.purge,
    "broker frozen": broker.freeze,
    "broker's memory alarm": broker.alarm,
}
