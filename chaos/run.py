"""One run: the documents without faults, then again with faults, then the verdict."""

import random
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from chaos import reference
from chaos.documents import Document, documents, from_folder
from chaos.faults import Fault, schedule
from chaos.judge import Verdict, judge
from chaos.load import Load
from chaos.receiver import Receiver
from chaos.target import NotInjected, Target, Timing, target

CALM_SECONDS = 1800.0
DRAIN_SECONDS = 90.0
"""At least; three times what the run without faults took, if that is more."""

WORDS = 700
"""Of a document that is made: enough for some chunks, so that stages take long enough to be hit."""

IN_FLIGHT = """
    select distinct job_id from stage_runs
    where status = 'running' or (status = 'ready' and announced_at is not null)
"""

STANDING = """
    select count(*) from jobs j where j.id = any(%s)
      and exists (select 1 from stage_runs s where s.job_id = j.id and s.status in ('ready', 'running'))
      and not exists (select 1 from events e where e.job_id = j.id and e.at > to_timestamp(%s)
                      and e.kind not in ('message dropped', 'announced again'))
"""

FIRST_MOVES = """
    select max(first) from (
        select min(extract(epoch from at)) as first from events
        where job_id = any(%s) and at > to_timestamp(%s) and kind not in ('message dropped', 'announced again')
        group by job_id) moves
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run."""

    documents: int = 100
    faults: int = 20
    seed: int = 1
    corpus: Path | None = None
    broker: str = "rabbitmq"
    only: tuple[str, ...] = ()
    timing: Timing = field(default_factory=Timing)

    def load(self) -> list[Document]:
        """The documents."""
        if self.corpus:
            return from_folder(self.corpus, self.documents, self.seed)
        return documents(self.documents, self.seed, words=WORDS)


@dataclass(slots=True)
class Injection:
    """One fault that was tried."""

    fault: Fault
    jobs: set[uuid.UUID]
    begun: float
    over: float = 0.0
    evidence: str = ""
    happened: bool = False
    moved_seconds: float | None = None
    """From the end of the fault until the last affected job moved; None if one did not in time."""


@dataclass(slots=True)
class Outcome:
    """A run that is over."""

    wanted: Wanted
    accepted: int = 0
    refused: int = 0
    calm_seconds: float = 0.0
    seconds: float = 0.0
    all_submitted: bool = False
    injections: list[Injection] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def late(self) -> list[Injection]:
        """Faults after which some job stood still longer than was promised."""
        bound = self.wanted.timing.bound
        return [each for each in self.injections if each.moved_seconds is None or each.moved_seconds > bound]

    @property
    def good(self) -> bool:
        """Whether every fault happened and every promise held."""
        happened = all(each.happened for each in self.injections)
        return self.all_submitted and happened and not self.late and self.verdict.good


def run(wanted: Wanted, *, home: Path | None = None) -> Outcome:
    """Run it; logs of all processes are in `home`, or in a temporary folder that is removed.

    Raises:
        ServerError: the service does not come up.
    """
    if home is not None:
        return _run(wanted, home)
    with tempfile.TemporaryDirectory(prefix="docrelay-chaos-") as folder:
        Path(folder).chmod(0o711)  # Postgres runs as another user if we are root
        return _run(wanted, Path(folder))


def _run(wanted: Wanted, home: Path) -> Outcome:
    outcome = Outcome(wanted)
    dice = random.Random(wanted.seed)
    made = wanted.load()
    with Receiver() as receiver:
        load = Load(made, receiver=receiver.url)
        with target(home, broker=wanted.broker, timing=wanted.timing, load=load, dice=dice) as broken:
            outcome.calm_seconds = _calm(broken, made, receiver)
            _say(f"{len(made)} documents without faults: {outcome.calm_seconds:.0f} s")
            begun = time.monotonic()
            load.begin(broken.stack.database_url)
            faults = schedule(wanted.faults, dice, rabbitmq=wanted.broker == "rabbitmq", only=wanted.only)
            for number, fault in enumerate(faults, 1):
                load.allow(len(made) // len(faults))
                outcome.injections.append(_inject(broken, fault))
                _say(_line(number, len(faults), outcome.injections[-1]))
            outcome.all_submitted = load.finish(max(DRAIN_SECONDS, 3 * outcome.calm_seconds))
            _drain(broken, max(DRAIN_SECONDS, 3 * outcome.calm_seconds))
            outcome.seconds = time.monotonic() - begun
            killed = sum(each.fault.kills_document_process for each in outcome.injections)
            outcome.verdict = judge(broken, receiver, killed_document_processes=killed)
            outcome.accepted, outcome.refused = len(load.accepted), load.refused
    return outcome


def _calm(target: Target, made: list[Document], receiver: Receiver) -> float:
    """Run the documents without faults and keep what was made of them; how long it took."""
    begun = time.monotonic()
    load = Load(made, receiver=receiver.url)
    load.begin(target.stack.database_url)
    if not load.finish(CALM_SECONDS) or not _drain(target, CALM_SECONDS):
        raise NotInjected(f"the run without faults was not over after {CALM_SECONDS:g} s")
    seconds = time.monotonic() - begun
    with target.admin() as connection:
        reference.keep(connection)
    receiver.told.clear()
    return seconds


def _drain(target: Target, seconds: float) -> bool:
    """Wait until no stage is open; whether that came."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if not target.rows("select 1 from stage_runs where status in ('waiting', 'ready', 'running') limit 1"):
            return True
        time.sleep(0.2)
    return False


def _inject(target: Target, fault: Fault) -> Injection:
    injection = Injection(fault, _some_in_flight(target), time.time())
    try:
        injection.evidence = fault.inject(target)
        injection.happened = True
    except Exception as error:  # noqa: BLE001 - the run goes on, and ends badly
        injection.evidence = f"NOT INJECTED: {type(error).__name__}: {error}"
    injection.over = time.time()
    injection.moved_seconds = _moved(target, injection)
    return injection


def _some_in_flight(target: Target) -> set[uuid.UUID]:
    """The jobs under way at a random moment of a busy service; none only when all documents are done."""
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        time.sleep(target.dice.uniform(0.0, 0.3))
        jobs = {row[0] for row in target.rows(IN_FLIGHT)}
        if jobs:
            return jobs
        target.load.allow(1)
    return set()


def _moved(target: Target, injection: Injection) -> float | None:
    """Wait until every job that was under way has moved; how long the last one took."""
    if not injection.jobs:
        return 0.0
    give_up = time.monotonic() + target.timing.bound + 5
    jobs = list(injection.jobs)
    while target.rows(STANDING, jobs, injection.begun)[0][0]:
        if time.monotonic() > give_up:
            return None
        time.sleep(0.1)
    last = target.rows(FIRST_MOVES, jobs, injection.begun)[0][0]
    return max(0.0, float(last) - injection.over) if last else 0.0


def _line(number: int, count: int, each: Injection) -> str:
    moved = "NOT MOVED" if each.moved_seconds is None else f"moved after {each.moved_seconds:.1f} s"
    return f"[{number}/{count}] {each.fault.name}: {each.evidence}; {len(each.jobs)} in flight, {moved}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
