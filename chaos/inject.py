"""Injecting faults, alone or two at once, and measuring when the jobs that were hit move again."""

import random
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from chaos.faults import Fault
from chaos.target import Target

IN_FLIGHT = """
    select distinct job_id from stage_runs
    where status = 'running' or (status = 'ready' and announced_at is not null)
"""

# Whoever has renewed a lease since the fault was over is at work: a large document may take minutes without an event,
# and what is behind it waits for a free worker.
STANDING = """
    with busy as (
        select queue, count(*) as stages from stage_runs
        where status = 'running' and lease_until >= to_timestamp(%(renewed)s) group by queue
    ), slots as (
        select queue, sum(slots) as slots from processes
        where queue is not null and beat_at > now() - interval '15 seconds' group by queue
    )
    select count(*) from jobs j where j.id = any(%(jobs)s)
      and exists (
        select 1 from stage_runs s where s.job_id = j.id and (
          (s.status = 'running' and s.lease_until < to_timestamp(%(renewed)s))
          or (s.status = 'ready' and not exists (
            select 1 from busy join slots using (queue) where busy.queue = s.queue and busy.stages >= slots.slots))))
      and not exists (select 1 from events e where e.job_id = j.id and e.at > to_timestamp(%(begun)s)
                      and e.kind not in ('message dropped', 'announced again'))
"""

FIRST_MOVES = """
    select max(first) from (
        select min(extract(epoch from at)) as first from events
        where job_id = any(%s) and at > to_timestamp(%s) and kind not in ('message dropped', 'announced again')
        group by job_id) moves
"""

UNFINISHED = "select 1 from jobs where status in ('queued', 'running') limit 1"

FEED_SECONDS = 0.3
SECOND_STARTS_WITHIN = 2.0


@dataclass(slots=True)
class Injection:
    """One fault that was tried."""

    fault: Fault
    jobs: set[uuid.UUID]
    begun: float
    over: float = 0.0
    evidence: str = ""
    happened: bool = False
    together: str = ""
    """The fault that was injected at the same time, if one was."""
    moved_seconds: float | None = None
    """From the end of the fault until the last affected job moved; None if one did not in time."""


def inject(target: Target, faults: Sequence[Fault], dice: random.Random) -> list[Injection]:
    """Inject one fault, or some at once; returns when the jobs that were under way have moved, or should have."""
    jobs, begun = _some_in_flight(target), time.time()
    injections = [Injection(fault, jobs, begun) for fault in faults]
    for each in injections:
        each.together = next((other.fault.name for other in injections if other is not each), "")
    with _feeding(target):
        threads = []
        for place, each in enumerate(injections):
            own = replace(target, dice=random.Random(dice.getrandbits(64)))
            delay = dice.uniform(0, SECOND_STARTS_WITHIN) if place else 0.0
            threads.append(threading.Thread(target=_one, args=(own, each, delay), name=each.fault.name))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    over = max(each.over for each in injections)
    moved = _moved(target, jobs, begun, over)
    for each in injections:
        each.over, each.moved_seconds = over, moved
    return injections


def _one(target: Target, injection: Injection, delay: float) -> None:
    time.sleep(delay)
    try:
        injection.evidence = injection.fault.inject(target)
        injection.happened = True
    except Exception as error:  # noqa: BLE001 - the run goes on; whoever asked decides what it means
        injection.evidence = f"{type(error).__name__}: {error}"
    injection.over = time.time()


@contextmanager
def _feeding(target: Target) -> Iterator[None]:
    """Submit one more document whenever a fault needs somebody to hit and the service has nothing to do."""
    enough = threading.Event()

    def feed() -> None:
        while not enough.wait(FEED_SECONDS):
            if target.load.wanted_by and not target.load.pending and not target.rows(UNFINISHED):
                target.load.feed(1)

    feeder = threading.Thread(target=feed, name="feeder", daemon=True)
    feeder.start()
    try:
        yield
    finally:
        enough.set()
        feeder.join()


def _some_in_flight(target: Target) -> set[uuid.UUID]:
    """The jobs under way at a random moment of a busy service; none only when all documents are done."""
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        time.sleep(target.dice.uniform(0.0, 0.3))
        jobs = {row[0] for row in target.rows(IN_FLIGHT)}
        if jobs:
            return jobs
        if not target.load.pending:
            target.load.feed(1)
    return set()


def _moved(target: Target, jobs: set[uuid.UUID], begun: float, over: float) -> float | None:
    """Wait until every job that was under way has moved; how long the last one took."""
    if not jobs:
        return 0.0
    give_up = time.monotonic() + target.timing.bound + 5
    values = {"jobs": list(jobs), "begun": begun, "renewed": over + target.timing.lease}
    while target.rows(STANDING, named=values)[0][0]:
        if time.monotonic() > give_up:
            return None
        time.sleep(0.1)
    last = target.rows(FIRST_MOVES, list(jobs), begun)[0][0]
    return max(0.0, float(last) - over) if last else 0.0
