"""Recurring jobs end to end: the real Beat, RabbitMQ and Postgres."""

import signal
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from app.development.server import RabbitMQ
from app.stack.whole import Stack
from docrelay.database import transact
from tests.schedule.conftest import recurring_service

EVERY_SECOND = """
[tick]
every = "1s"
task = "nothing"
overlap = "allow"
rehearsal = "off"
"""


def rows(engine: Engine, statement: str, **values: Any) -> list[dict[str, Any]]:
    return transact(engine, lambda c: [dict(row) for row in c.execute(text(statement), values).mappings()])


def until(seconds: float, looked: Callable[[], Any]) -> Any:
    give_up = time.monotonic() + seconds
    while not (found := looked()):
        assert time.monotonic() < give_up
        time.sleep(0.2)
    return found


def gaps(dues: Sequence[Any]) -> set[timedelta]:
    return {later - earlier for earlier, later in pairwise(dues)}


def test_three_beats_are_one(url: str, engine: Engine, rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    """Each second has one run, also while the leader is killed, frozen and stopped; each ran as a job."""
    with recurring_service(tmp_path, url, rabbitmq, EVERY_SECOND, beats=3) as stack:
        until(30, lambda: len(rows(engine, "select 1 from schedule_runs")) >= 3)
        for how in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
            leader = _leader(engine)
            _signal(stack, leader, how)
            before = rows(engine, "select max(due_at) as due from schedule_runs")[0]["due"]
            until(20, lambda before=before: rows(engine, "select 1 from schedule_runs where due_at > :d", d=before))  # type: ignore[misc]
            assert _leader(engine) != leader
            if how is signal.SIGSTOP:
                _signal(stack, leader, signal.SIGCONT)
        until(
            30,
            lambda: (
                not rows(
                    engine, "select 1 from schedule_runs where outcome is null and due_at < now() - interval '5 s'"
                )
            ),
        )
    runs = rows(engine, "select * from schedule_runs where outcome is not null order by due_at")
    assert gaps([run["due_at"] for run in runs]) == {timedelta(seconds=1)}
    assert {run["outcome"] for run in runs} == {"succeeded"}
    assert rows(engine, "select count(*) as n from jobs")[0]["n"] >= len(runs)
    assert (
        rows(engine, "select job_id from schedule_runs where job_id is not null group by 1 having count(*) > 1") == []
    )


def _leader(engine: Engine) -> int:
    (state,) = rows(engine, "select leader from schedule_state")
    return int(state["leader"].rpartition(":")[2])


def _signal(stack: Stack, pid: int, number: int) -> None:
    import os

    assert pid in stack.supervisor.pids().values()
    os.kill(pid, number)
