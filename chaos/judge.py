"""After the last fault: what was promised, and what came of it."""

import contextlib
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from chaos import reference
from chaos.invariants import NOT_THEIRS, QUESTIONS, Harm, offenders
from chaos.receiver import Receiver
from chaos.target import SHARED_MEMORY, Target
from docrelay.contents import MARKER
from docrelay.names import FINISHED, Queue

IDLE_SECONDS = 60.0
"""How long messages may take to be acknowledged, transactions to end, and folders that a killed worker has left to be
found, once all jobs are done."""


@dataclass(slots=True)
class Verdict:
    """Who was harmed, and what was left behind."""

    broken: dict[str, set[uuid.UUID]] = field(default_factory=dict)
    harms: dict[Harm, set[uuid.UUID]] = field(default_factory=lambda: {harm: set() for harm in Harm})
    left_behind: list[str] = field(default_factory=list)

    def add(self, what: str, harm: Harm, jobs: set[uuid.UUID]) -> None:
        """Note jobs for which a promise was broken."""
        if jobs:
            self.broken[what] = jobs
            self.harms[harm] |= jobs

    @property
    def good(self) -> bool:
        """Whether every promise held."""
        return not self.broken and not self.left_behind


def judge(target: Target, receiver: Receiver) -> Verdict:
    """Compare everything with what was promised; all jobs should be over by now."""
    verdict = Verdict()
    accepted = target.load.accepted
    statuses = {row[0]: row[1] for row in target.rows("select id, status from jobs")}
    verdict.add("accepted, and gone", Harm.LOST, set(accepted) - set(statuses))
    open_stages = {
        row[0] for row in target.rows("select job_id from stage_runs where status in ('waiting', 'ready', 'running')")
    }
    unfinished = {job for job, status in statuses.items() if status not in FINISHED}
    verdict.add("never ended", Harm.STUCK, unfinished | open_stages)
    with target.admin() as connection:
        for what, jobs in offenders(connection, charged=True).items():
            verdict.add(what, QUESTIONS[what].harm, jobs)
        for what, jobs in reference.differences(connection).items():
            verdict.add(what, Harm.LOST, jobs)
        verdict.add(NOT_THEIRS, Harm.SILENT, reference.charged(connection))
    asked = {row[0] for row in target.rows("select id from jobs where notify <> '[]'")}  # recurring ones tell nobody
    _told(verdict, receiver, {job: status for job, status in statuses.items() if job in asked})
    verdict.add("struck, and its process was not one that the harness ended", Harm.SILENT, _struck(target))
    verdict.left_behind += _left_behind(target)
    return verdict


def _told(verdict: Verdict, receiver: Receiver, statuses: Mapping[uuid.UUID, str]) -> None:
    over = {job: status for job, status in statuses.items() if status in FINISHED}
    untold = {job for job, status in over.items() if status not in receiver.told.get(str(job), ())}
    verdict.add("whoever waits was not told", Harm.SILENT, untold)
    twice = {job for job in statuses if len(receiver.told.get(str(job), ())) > 1}
    verdict.add("two outcomes were told", Harm.DUPLICATED, twice)


STRIKES = """
    select s.job_id, a.pid, extract(epoch from a.started_at), extract(epoch from a.ended_at)
    from attempts a join stage_runs s on s.id = a.stage_run_id
    where a.outcome in ('crashed', 'limit') order by a.ended_at
"""


def _struck(target: Target) -> set[uuid.UUID]:
    """Jobs with a strike that belongs to no document process that was ended on purpose; each accounts for one."""
    unused = list(target.kills)
    unexplained = set()
    for job, worker, started, ended in target.rows(STRIKES):
        fitting = [kill for kill in unused if kill.worker == worker and _within(kill.at, started, ended)]
        if fitting:
            unused.remove(fitting[0])
        else:
            unexplained.add(job)
    return unexplained


def _within(at: float, started: object, ended: object) -> bool:
    # The database reads its clock when a transaction begins, a little before or after we read ours.
    return float(str(started)) - 0.5 <= at <= float(str(ended)) + 0.5


def _left_behind(target: Target) -> list[str]:
    give_up = time.monotonic() + IDLE_SECONDS
    while (left := _look(target)) and time.monotonic() < give_up:
        time.sleep(0.5)
    return left


def _look(target: Target) -> list[str]:
    left = [
        *_counted(target, "leases", "select count(*) from stage_runs where lease_token is not null"),
        *_counted(target, "vectors of no chunk", reference.ORPHANS),
        *_counted(target, "dead messages", "select count(*) from dead_messages"),
        *_counted(
            target,
            "transactions that do nothing",
            """select count(*) from pg_stat_activity
               where state like 'idle in transaction%' and state_change < now() - interval '1 second'""",
        ),
    ]
    return [*left, *_messages(target), *_processes(target), *left_files(target), *_flower(target)]


def left_files(target: Target) -> list[str]:
    """Temporary files, shared memory that was not there before, and objects that no row knows."""
    known = {row[0] for row in target.rows("select location from contents where location is not null")}
    objects = {str(path.relative_to(target.objects)) for path in target.objects.rglob("*") if path.is_file()}
    # A document process that waits for the next one has its folder, and names it in its command.
    used = {Path(word).name for process in _marked(target) for word in _words(process)}
    temporary = sorted({path.name for path in Path(target.marks["TMPDIR"]).iterdir()} - used)
    shared = sorted({path.name for path in SHARED_MEMORY.glob("*")} - target.shared_memory)
    return [
        *(f"object {name} of no document" for name in sorted(objects - known - {MARKER})),
        *(f"temporary file {name}" for name in temporary),
        *(f"shared memory {name}" for name in shared),
    ]


def _flower(target: Target) -> list[str]:
    pid = target.stack.supervisor.pids().get("flower")
    return [] if pid else ["no Flower"]


def _counted(target: Target, what: str, query: str) -> list[str]:
    count = target.rows(query)[0][0]
    return [f"{count} {what}"] if count else []


def _messages(target: Target) -> list[str]:
    if target.broker is None:
        return []
    lines = target.broker.rabbitmqctl("list_queues", "name", "messages", "messages_unacknowledged").splitlines()
    queues = [line.split("\t") for line in lines]
    names = {str(queue) for queue in Queue}
    return [f"{row[1]} messages in {row[0]}" for row in queues if row[0] in names and row[1] != "0"]


def _processes(target: Target) -> list[str]:
    roles = {pid for pid in target.stack.supervisor.pids().values() if pid}
    left = []
    for process in _marked(target):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() == psutil.STATUS_ZOMBIE:
                left.append(f"zombie {process.pid}")
            elif not roles & {process.pid, *(parent.pid for parent in process.parents())}:
                left.append(f"process {process.pid} of nobody: {' '.join(process.cmdline())[:80]}")
    return left


def _marked(target: Target) -> list[psutil.Process]:
    """The living processes of the service, and the dead that nobody has reaped, whoever has them now."""
    mark = next(name for name in target.marks if name != "TMPDIR")
    found = {process.pid: process for process in psutil.Process().children(recursive=True) if _is_zombie(process)}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(mark) == target.marks[mark]:
                found[process.pid] = process
    return list(found.values())


def _words(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def _is_zombie(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    return False


def strays_after(target: Target) -> list[str]:
    """Processes of the service that have outlived it."""
    return [f"process {process.pid} outlived the service" for process in _marked(target)]
