"""Running the chain under faults, and counting what became of its documents."""

import io
import queue
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from kombu.exceptions import OperationalError

from app.development.rabbitmq import rabbitmq
from app.development.server import RabbitMQ
from app.stack.console import Console
from app.stack.fleet import Role
from app.stack.supervisor import Supervisor
from chaos.control.chain import BROKER, DONE, STEPS, make_app, send
from chaos.control.faults import FAULTS
from chaos.target import NotInjected, Timing, until

Found = TypeVar("Found")

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90.0
QUIET_SECONDS = 60.0
"""When nothing was done for so long after the last fault, nothing more will be: a restart pauses half of it at most."""


@dataclass(slots=True)
class Chain:
    """A running chain, as faults see it."""

    rabbitmq: RabbitMQ
    supervisor: Supervisor
    timing: Timing
    dice: random.Random
    done: Path
    accepted: set[str] = field(default_factory=set)
    _asked: "queue.SimpleQueue[None]" = field(default_factory=queue.SimpleQueue)
    _given: int = 0

    def feed(self, count: int) -> None:
        """Send so many documents more."""
        for _ in range(count):
            self._asked.put(None)

    def fed_until(self, look: Callable[[], Found | None], seconds: float, otherwise: str) -> Found:
        """`until`, with documents sent meanwhile."""

        def fed() -> Found | None:
            if self._asked.empty():
                self.feed(1)
            return look()

        return until(fed, seconds, otherwise)

    def submit_for_ever(self) -> None:
        """Send what is asked for; a document counts as accepted when the broker has confirmed its first message."""
        celery = make_app(self.rabbitmq.url)
        while True:
            self._asked.get()
            self._given += 1
            document = f"document-{self._given}"
            while document not in self.accepted:
                try:
                    send(celery, document)
                except (OperationalError, OSError, *celery.connection_for_write().connection_errors):
                    time.sleep(0.5)  # a careful caller tries again
                else:
                    self.accepted.add(document)

    def lines(self) -> Counter[tuple[str, int]]:
        """How often each step of each document was done."""
        steps = (line.split() for line in self.done.read_text().splitlines())
        return Counter((document, int(step)) for document, step in steps)


@dataclass(frozen=True, slots=True)
class Counted:
    """What became of the documents."""

    accepted: int
    lost: int
    """Never came to the end of the chain, and nothing says so."""
    repeated: int
    """A step of theirs was done more than once."""
    faults: Counter[str]
    unseen: list[str]


def control(*, documents: int, faults: int, seed: int, timing: Timing) -> Counted:
    """Run the chain; faults come one after another, while documents are sent all the time."""
    dice = random.Random(seed)
    happened: Counter[str] = Counter()
    unseen: list[str] = []
    names: list[str] = []
    while len(names) < faults:
        names += dice.sample(list(FAULTS), len(FAULTS))
    with _chain(timing, dice) as chain:
        for number, name in enumerate(names[:faults]):
            chain.feed(max(1, documents // faults + (number < documents % faults)))
            time.sleep(dice.uniform(0.2, 1.5))
            try:
                _say(f"[{number + 1}/{faults}] {name}: {FAULTS[name](chain)}")
                happened[name] += 1
            except Exception as error:  # noqa: BLE001 - counted, and said
                _say(f"[{number + 1}/{faults}] {name}: NOT INJECTED: {error}")
                unseen.append(name)
        _wait_until_quiet(chain)
        lines = chain.lines()
        ended = {document for document, step in lines if step == len(STEPS) - 1}
        repeated = {document for (document, _), times in lines.items() if times > 1}
        accepted = set(chain.accepted)
    return Counted(len(accepted), len(accepted - ended), len(repeated & accepted), happened, unseen)


@contextmanager
def _chain(timing: Timing, dice: random.Random) -> Iterator[Chain]:
    with tempfile.TemporaryDirectory(prefix="docrelay-control-") as folder, rabbitmq() as server:
        done = Path(folder) / "done"
        done.touch()
        roles = [_worker(step.value, number) for step in STEPS for number in (1, 2)]
        environment = {BROKER: server.url, DONE: str(done)}
        with (
            Console(io.StringIO(), [role.name for role in roles], quiet=True) as console,
            Supervisor(roles, console, environment=environment, folder=ROOT) as supervisor,
        ):
            chain = Chain(server, supervisor, timing, dice, done)
            threading.Thread(target=chain.submit_for_ever, name="submit", daemon=True).start()
            chain.feed(1)
            last = len(STEPS) - 1
            until(lambda: ("document-1", last) in chain.lines(), START_SECONDS, "the chain does not work", every=0.2)
            yield chain


def _worker(step: str, number: int) -> Role:
    options = ["--queues", step, "--concurrency", "1", "--hostname", f"{step}-{number}@%h"]
    argv = [sys.executable, "-m", "celery", "-A", "chaos.control.chain", "--quiet", "worker", *options]
    return Role(f"{step}-{number}", (*argv, "--without-gossip", "--without-mingle"), "a step of the chain")


def _wait_until_quiet(chain: Chain) -> None:
    before, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        now = chain.lines().total()
        if now != before:
            before, since = now, time.monotonic()
        time.sleep(0.5)


def report(counted: Counted) -> str:
    """What was done, and what came of it."""
    if not counted.faults:
        raise NotInjected("no fault happened")
    faults = ", ".join(f"{times} × {name}" for name, times in sorted(counted.faults.items()))
    return (
        f"Celery chain: {counted.accepted} documents accepted, {counted.faults.total()} faults ({faults})\n"
        f"lost without a word: {counted.lost}; some step done more than once: {counted.repeated}; "
        f"faults not seen: {len(counted.unseen)}"
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
