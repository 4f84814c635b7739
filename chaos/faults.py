"""Every fault of the harness by name."""

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from chaos import broker, database, processes, storage
from chaos.target import Target


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong; `inject` returns what was seen of it, and raises `NotInjected` if it was not."""

    name: str
    inject: Callable[[Target], str]
    needs_rabbitmq: bool = False
    kills_document_process: bool = False


FAULTS = (
    Fault("document process killed", processes.kill_document_process, kills_document_process=True),
    Fault("parse worker killed", partial(processes.kill_role, kind="parse")),
    Fault("vectorize worker killed", partial(processes.kill_role, kind="vectorize")),
    Fault("notify worker killed", partial(processes.kill_role, kind="notify")),
    Fault("dispatcher killed", partial(processes.kill_role, kind="dispatch")),
    Fault("Beat killed", partial(processes.kill_role, kind="beat")),
    Fault("submitter killed after submit", processes.kill_submitter),
    Fault("worker frozen beyond its lease", processes.freeze_worker),
    Fault("parse worker told to stop", partial(processes.stop_worker, kind="parse")),
    Fault("vectorize worker told to stop", partial(processes.stop_worker, kind="vectorize")),
    Fault("broker killed and started", broker.kill_and_start, needs_rabbitmq=True),
    Fault("broker stopped for a while", broker.stop_and_start_app, needs_rabbitmq=True),
    Fault("broker closes all connections", broker.close_connections, needs_rabbitmq=True),
    Fault("every queue purged", broker.purge, needs_rabbitmq=True),
    Fault("messages delivered again", broker.deliver_twice, needs_rabbitmq=True),
    Fault("submitted while broker is down", broker.down_while_submitting, needs_rabbitmq=True),
    Fault("broker frozen", broker.freeze, needs_rabbitmq=True),
    Fault("broker's memory alarm", broker.alarm, needs_rabbitmq=True),
    Fault("database restarted (fast)", partial(database.restart, with_signal=signal.SIGINT)),
    Fault("database restarted (immediate)", partial(database.restart, with_signal=signal.SIGQUIT)),
    Fault("database killed", partial(database.restart, with_signal=signal.SIGKILL)),
    Fault("database ends all connections", database.terminate_backends),
    Fault("database unreachable", database.unreachable),
    Fault("database frozen", database.freeze),
    Fault("jobs table locked", database.lock_jobs),
    Fault("answers to COMMIT lost", database.lose_commits),
    Fault("stored bytes missing", storage.missing_bytes),
)


def schedule(count: int, dice: random.Random, *, rabbitmq: bool, only: tuple[str, ...] = ()) -> list[Fault]:
    """So many faults in an order drawn by the dice: each kind once before any comes twice."""
    possible = [fault for fault in FAULTS if rabbitmq or not fault.needs_rabbitmq]
    possible = [fault for fault in possible if not only or any(word in fault.name for word in only)]
    drawn: list[Fault] = []
    while possible and len(drawn) < count:
        dice.shuffle(possible)
        drawn += possible
    return drawn[:count]
