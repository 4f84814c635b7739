"""Every fault of the harness by name."""

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from chaos import broker, clock, database, network, processes, storage
from chaos.target import Target

PARTS = ("network", "clock", "disk")
"""What a machine may not let us do; `--without` leaves out the faults that need it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong; `inject` returns what was seen of it, and raises `NotInjected` if it was not."""

    name: str
    inject: Callable[[Target], str]
    of: str
    """What it is a fault of: two of the same are never injected at once."""
    needs: str = ""
    """A part that a machine may lack, if it takes one."""
    needs_rabbitmq: bool = False


def _process(name: str, inject: Callable[[Target], str]) -> Fault:
    return Fault(name, inject, "processes")


def _broker(name: str, inject: Callable[[Target], str], needs: str = "") -> Fault:
    return Fault(name, inject, "broker", needs, needs_rabbitmq=True)


def _database(name: str, inject: Callable[[Target], str], needs: str = "") -> Fault:
    return Fault(name, inject, "database", needs)


def _storage(name: str, inject: Callable[[Target], str], needs: str = "") -> Fault:
    return Fault(name, inject, "storage", needs)


def _host(name: str, inject: Callable[[Target], str], needs: str) -> Fault:
    return Fault(name, inject, "second host", needs, needs_rabbitmq=True)


FAULTS = (
    _process("document process killed", partial(processes.end_document_process, with_signal=signal.SIGKILL)),
    _process("document process crashed", partial(processes.end_document_process, with_signal=signal.SIGSEGV)),
    _process("parse worker killed", partial(processes.kill_role, kind="parse")),
    _process("vectorize worker killed", partial(processes.kill_role, kind="vectorize")),
    _process("notify worker killed", partial(processes.kill_role, kind="notify")),
    _process("dispatcher killed", partial(processes.kill_role, kind="dispatch")),
    _process("Beat killed", partial(processes.kill_role, kind="beat")),
    _process("Flower killed", processes.kill_flower),
    _process("submitter killed after submit", processes.kill_submitter),
    _process("worker frozen beyond its lease", processes.freeze_worker),
    _process("worker without file descriptors", processes.no_descriptors),
    _process("parse worker told to stop", partial(processes.stop_worker, kind="parse")),
    _process("vectorize worker told to stop", partial(processes.stop_worker, kind="vectorize")),
    _broker("broker killed and started", broker.kill_and_start),
    _broker("broker stopped for a while", broker.stop_and_start_app),
    _broker("broker closes all connections", broker.close_connections),
    _broker("every queue purged", broker.purge),
    _broker("messages delivered again", broker.deliver_twice),
    _broker("submitted while broker is down", broker.down_while_submitting),
    _broker("broker frozen", broker.freeze),
    _broker("broker's memory alarm", broker.alarm),
    _broker("broker's disk alarm", broker.disk_alarm),
    _broker("broker's disk full", broker.full_disk, "disk"),
    _broker("queue deleted", broker.delete_queue),
    _broker("messages revoked by an operator", broker.revoke),
    _database("database restarted (fast)", partial(database.restart, with_signal=signal.SIGINT)),
    _database("database restarted (immediate)", partial(database.restart, with_signal=signal.SIGQUIT)),
    _database("database killed", partial(database.restart, with_signal=signal.SIGKILL)),
    _database("database ends all connections", database.terminate_backends),
    _database("database unreachable", database.unreachable),
    _database("database frozen", database.freeze),
    _database("database's disk full", database.full_disk, "disk"),
    _database("jobs table locked", database.lock_jobs),
    _database("answers to COMMIT lost", database.lose_commits),
    _storage("stored bytes missing", storage.missing_bytes),
    _storage("object unreadable for a while", storage.unreadable),
    _storage("object store away for a while", storage.away),
    _storage("disk full while uploading", storage.full_while_uploading, "disk"),
    _storage("disk full while working", storage.full_while_working, "disk"),
    _host("host cut off from broker", partial(network.cut_off, from_what=["broker"]), "network"),
    _host("host cut off from database", partial(network.cut_off, from_what=["database"]), "network"),
    _host("host cut off from both", partial(network.cut_off, from_what=["database", "broker"]), "network"),
    _host("host's lines slow", network.slow_lines, "network"),
    _host("host's clock an hour ahead", partial(clock.wrong_clock, sign=1), "clock"),
    _host("host's clock an hour behind", partial(clock.wrong_clock, sign=-1), "clock"),
)


def possible(*, rabbitmq: bool, only: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> list[Fault]:
    """The faults of a kind of run."""
    able = [fault for fault in FAULTS if (rabbitmq or not fault.needs_rabbitmq) and fault.needs not in without]
    return [fault for fault in able if not only or any(word in fault.name for word in only)]


def schedule(count: int, dice: random.Random, faults: list[Fault], *, overlap: float = 0.0) -> list[list[Fault]]:
    """So many faults in an order drawn by the dice, each kind once before any comes twice.

    About the share `overlap` of them comes two at a time.
    """
    drawn: list[Fault] = []
    while faults and len(drawn) < count:
        drawn += dice.sample(faults, len(faults))
    drawn = drawn[:count]
    groups: list[list[Fault]] = []
    while drawn:
        group = [drawn.pop(0)]
        # Half as often as asked for, since each time takes two.
        if drawn and drawn[0].of != group[0].of and dice.random() < overlap / (2 - overlap):
            group.append(drawn.pop(0))
        groups.append(group)
    return groups
