"""After the last fault: what was promised, and what came of it."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

from chaos import reference
from chaos.invariants import NOT_THEIRS, QUESTIONS, Harm, offenders
from chaos.receiver import Receiver
from chaos.target import Target
from docrelay.names import FINISHED, Queue

IDLE_SECONDS = 20.0
"""How long messages may take to be acknowledged, and transactions to end, once all jobs are done."""


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


def judge(target: Target, receiver: Receiver, *, killed_document_processes: int) -> Verdict:
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
    _told(verdict, receiver, statuses)
    _charges(verdict, target, killed_document_processes)
    verdict.left_behind += _left_behind(target)
    return verdict


def _told(verdict: Verdict, receiver: Receiver, statuses: Mapping[uuid.UUID, str]) -> None:
    over = {job: status for job, status in statuses.items() if status in FINISHED}
    untold = {job for job, status in over.items() if status not in receiver.told.get(str(job), ())}
    verdict.add("whoever waits was not told", Harm.SILENT, untold)
    twice = {job for job in statuses if len(receiver.told.get(str(job), ())) > 1}
    verdict.add("two outcomes were told", Harm.DUPLICATED, twice)


def _charges(verdict: Verdict, target: Target, killed: int) -> None:
    crashed = """select s.job_id from attempts a join stage_runs s on s.id = a.stage_run_id
                 where a.outcome = 'crashed'"""
    jobs = {row[0] for row in target.rows(crashed)}
    if len(jobs) > killed:
        verdict.add(f"{len(jobs)} documents struck, {killed} document processes killed", Harm.SILENT, jobs)


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
    return [*left, *_messages(target), *_processes(target)]


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
    workers = {pid for pid in target.stack.supervisor.pids().values() if pid}
    of_workers = {child.pid for pid in workers for child in psutil.Process(pid).children(recursive=True)}
    left = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                left.append(f"zombie {process.pid}")
            elif "app.isolation.child" in process.cmdline() and process.pid not in of_workers:
                left.append(f"document process {process.pid} of nobody")
        except psutil.NoSuchProcess:
            continue
    return left
