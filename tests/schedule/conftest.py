"""A service for recurring jobs only: dispatcher, recur worker and Beats as processes, RabbitMQ, Postgres."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.development.server import RabbitMQ
from app.development.service import service
from app.stack.fleet import Role
from app.stack.whole import Plan, Stack

MODULE = "tests.schedule.own_tasks"
ROLES = ("dispatch", "recur", "beat")

Serving = Callable[[str], "Iterator[Stack]"]


def with_beats(count: int) -> Callable[[Plan], Plan]:
    """Only what recurring jobs need, with so many Beats."""

    def planned(plan: Plan) -> Plan:
        roles = [role for role in plan.roles if role.name in ROLES]
        (beat,) = [role for role in roles if role.name == "beat"]
        roles += [Role(f"beat-{number}", beat.argv, beat.purpose) for number in range(2, count + 1)]
        return replace(plan, roles=roles)

    return planned


@contextmanager
def recurring_service(home: Path, url: str, rabbitmq: RabbitMQ, schedule: str, *, beats: int = 1) -> Iterator[Stack]:
    """The service with this text as its schedule file, at `home`/schedule.toml."""
    file = home / "schedule.toml"
    file.write_text(schedule)
    with service(
        home,
        planned=with_beats(beats),
        database_url=url,
        broker_url=rabbitmq.url,
        broker_api_url=rabbitmq.api_url,
        schedule_file=file,
        task_modules=MODULE,
        retry_seconds=0.2,
        sweep_seconds=1,
    ) as stack:
        yield stack


@pytest.fixture(autouse=True)
def own_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own tasks are known to this process too."""
    import tests.schedule.own_tasks  # noqa: F401
