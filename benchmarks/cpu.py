"""CPU seconds of whole process trees, those of processes that have ended included.

What a process has used is its own time and that of the children it has reaped; what still lives, or was
not reaped yet, is in the tree. So the sum over the living tree misses nothing and counts nothing twice.
"""

from collections.abc import Collection
from dataclasses import dataclass

import psutil

POSTGRES = ("postgres",)
RABBITMQ = ("beam.smp", "epmd", "erl_child_setup")


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds by whose they are."""

    service: float
    postgres: float
    rabbitmq: float
    """0.0 when RabbitMQ is no process of ours, as in a container."""

    @property
    def total(self) -> float:
        """The service and its servers together."""
        return self.service + self.postgres + self.rabbitmq

    def since(self, before: "Used") -> "Used":
        """What was used between two looks."""
        return Used(self.service - before.service, self.postgres - before.postgres, self.rabbitmq - before.rabbitmq)


def tree_seconds(process: psutil.Process) -> float:
    """CPU seconds of a process, all it has started, and all that has ended among them."""
    seconds = 0.0
    try:
        tree = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return seconds
    for each in tree:
        try:
            seconds += sum(each.cpu_times()[:4])  # user and system, its own and of reaped children
        except psutil.NoSuchProcess:
            continue  # it ended just now, and is in the time of the parent that reaped it
    return seconds


def used(workers: Collection[int]) -> Used:
    """What the processes started by this one have used until now; `workers` are those of the service."""
    seconds = {"service": 0.0, "postgres": 0.0, "rabbitmq": 0.0}
    for child in psutil.Process().children():
        owner = _owner(child, workers)
        if owner:
            seconds[owner] += tree_seconds(child)
    return Used(**seconds)


def _owner(child: psutil.Process, workers: Collection[int]) -> str:
    if child.pid in workers:
        return "service"
    try:
        name = child.name()
    except psutil.NoSuchProcess:
        return ""
    return "postgres" if name in POSTGRES else "rabbitmq" if name in RABBITMQ else ""
