"""The run: jobs with two outcomes and two targets each, notify workers killed, the broker restarted."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import psutil
from sqlalchemy import Connection, text

from app.development.rabbitmq import rabbitmq
from app.development.server import RabbitMQ
from app.development.service import service
from app.stack.whole import Plan, Stack
from benchmarks.deliveries.judge import Verdict, judge
from benchmarks.deliveries.receivers import Receivers
from docrelay import Client, transitions
from docrelay.database import make_engine, transact

MASTER = "a master secret for a benchmark"
TARGETS_PER_JOB = 2
OUTCOMES = 2
AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much, and how bad."""

    deliveries: int
    seed: int
    kill_every: float
    broker_restarts: int
    seconds: float


def run(wanted: Wanted) -> bool:
    """Do it and print the table; whether every promise held."""
    with (
        TemporaryDirectory(prefix="docrelay-deliveries-") as folder,
        Receivers(MASTER, wanted.seed) as receivers,
        rabbitmq() as broker,
    ):
        home = Path(folder)
        home.chmod(0o711)  # Postgres runs as another user when we are root
        with service(
            home / "service",
            planned=_with_second_notifier,
            broker_url=broker.url,
            broker_api_url=broker.api_url,
            webhook_secret=MASTER,
            delivery_allow="127.0.0.1",
            lease_seconds=5,
            sweep_seconds=1,
            announce_again_seconds=5,
            retry_seconds=0.5,
        ) as stack:
            begun = time.monotonic()
            with ThreadPoolExecutor(1) as pool:
                submitting = pool.submit(_submit, stack, receivers, wanted)
                kills, restarts = _break(stack, broker, wanted, begun, submitting)
                click.echo(f"{submitting.result()} jobs submitted, cancelled and tried again")
            rows = list(_rows(stack))
            seconds = time.monotonic() - begun
        verdict = judge(rows, receivers.requests)
        _print(verdict, receivers, kills=kills, restarts=restarts, seconds=seconds)
    return not verdict.broken()


def _with_second_notifier(plan: Plan) -> Plan:
    (role,) = [role for role in plan.roles if role.name == "notify"]
    twin = replace(role, name="notify2", argv=tuple(word.replace("notify@", "notify2@") for word in role.argv))
    return replace(plan, roles=[*plan.roles, twin])


def _submit(stack: Stack, receivers: Receivers, wanted: Wanted) -> int:
    """Each job is cancelled as it is submitted and then tried again: two outcomes, whose order can be told."""
    dice = random.Random(wanted.seed)
    jobs = -(-wanted.deliveries // (TARGETS_PER_JOB * OUTCOMES))
    engine = make_engine(stack.database_url)
    with Client(stack.database_url) as client:
        for start in range(0, jobs, AT_ONCE):
            count = min(AT_ONCE, jobs - start)
            targets = [dice.sample(receivers.targets, TARGETS_PER_JOB) for _ in range(count)]

            def cancelled(connection: Connection, start: int = start, targets: list[list[str]] = targets) -> list[Any]:
                made = [
                    client.submit(
                        f"Note {start + number}".encode(),
                        name=f"note-{start + number}.txt",
                        pipeline="extract",
                        notify=notify,
                        session=connection,
                    )
                    for number, notify in enumerate(targets)
                ]
                for job in made:
                    transitions.cancel(connection, job.id)
                return [job.id for job in made]

            for job_id in transact(engine, cancelled):
                client.retry(job_id)
    engine.dispose()
    return jobs


def _break(stack: Stack, broker: RabbitMQ, wanted: Wanted, begun: float, submitting: "Future[int]") -> tuple[int, int]:
    """Kill and restart until nothing is pending, or time is up; how often."""
    dice = random.Random(wanted.seed + 1)
    kills = restarts = 0
    next_kill = time.monotonic() + wanted.kill_every
    next_restart = time.monotonic() + 2 * wanted.kill_every
    while time.monotonic() - begun < wanted.seconds:
        pending, unfinished = _left(stack)
        if submitting.done() and not pending and not unfinished:
            break
        if time.monotonic() > next_kill and pending:
            next_kill = time.monotonic() + wanted.kill_every
            kills += _kill(stack, dice.choice(["notify", "notify2"]))
        if time.monotonic() > next_restart and restarts < wanted.broker_restarts:
            next_restart = time.monotonic() + 3 * wanted.kill_every
            broker.kill()
            time.sleep(1)
            broker.start()
            restarts += 1
        time.sleep(0.5)
    return kills, restarts


def _kill(stack: Stack, role: str) -> bool:
    pid = stack.supervisor.pids()[role]
    if pid is None:
        return False
    psutil.Process(pid).kill()
    return True


LEFT = text(
    """
    select (select count(*) from deliveries where status = 'pending') as pending,
           (select count(*) from jobs where status in ('queued', 'running')) as unfinished
    """
)


def _left(stack: Stack) -> tuple[int, int]:
    engine = make_engine(stack.database_url, pool_size=1)
    try:
        row = transact(engine, lambda connection: connection.execute(LEFT).one())
    finally:
        engine.dispose()
    return row.pending, row.unfinished


ROWS = text("select id, job_id, target, status, tries from deliveries order by created_at, id")


def _rows(stack: Stack) -> Iterator[dict[str, Any]]:
    engine = make_engine(stack.database_url, pool_size=1)
    try:
        for row in transact(engine, lambda connection: connection.execute(ROWS).mappings().all()):
            yield {**row, "id": str(row["id"]), "job_id": str(row["job_id"])}
    finally:
        engine.dispose()


def _print(verdict: Verdict, receivers: Receivers, *, kills: int, restarts: int, seconds: float) -> None:
    lines: list[tuple[str, object]] = [
        ("notifications", verdict.deliveries),
        ("delivered", verdict.delivered),
        ("ended by 410 or a redirect", verdict.ended),
        *verdict.faults.items(),
        ("requests", verdict.requests),
        ("repeats, with the same id", verdict.repeats),
        ("notify workers killed", kills),
        ("broker killed and started", restarts),
        ("seconds", f"{seconds:.0f}"),
    ]
    click.echo("\n| | |\n|---|---|")
    for name, value in lines:
        click.echo(f"| {name} | {value} |")
    click.echo("\n| the receivers' answer | times |\n|---|---|")
    for name, count in receivers.counts().most_common():
        click.echo(f"| {name} | {count} |")
    most = ", ".join(f"{tries}{'+' if tries == 10 else ''}: {count}" for tries, count in sorted(verdict.tries.items()))
    click.echo(f"\ntries needed: {most}")
