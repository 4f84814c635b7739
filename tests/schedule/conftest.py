"""A service for recurring jobs only: dispatcher, recur worker and Beats as processes, RabbitMQ, Postgres."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from app.development.server import RabbitMQ
from app.development.service import service
from app.schedule import asking, ledger
from app.schedule.entries import Entry
from app.schedule.overview import Past, history
from app.stack.whole import Stack
from benchmarks.schedule.fleet import with_beats
from docrelay import Client
from docrelay.database import make_engine, transact
from tests.servers.database import Databases

MODULE = "tests.schedule.own_tasks"


@contextmanager
def recurring_service(
    home: Path,
    url: str,
    rabbitmq: RabbitMQ,
    schedule: str,
    *,
    beats: int = 1,
    with_flower: bool = False,
    others: Sequence[str] = (),
    **settings: Any,
) -> Iterator[Stack]:
    """The service with this text as its schedule file, at `home`/schedule.toml; of other roles only those named."""
    file = home / "schedule.toml"
    file.write_text(schedule)
    with service(
        home,
        planned=with_beats(beats, "flower", *others),
        with_flower=with_flower,
        database_url=url,
        broker_url=rabbitmq.url,
        broker_api_url=rabbitmq.api_url,
        schedule_file=file,
        task_modules=MODULE,
        retry_seconds=0.2,
        sweep_seconds=1,
        **settings,
    ) as stack:
        yield stack


@pytest.fixture(autouse=True)
def own_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own tasks are known to this process too."""
    import tests.schedule.own_tasks  # noqa: F401


class Recurring:
    """Runs tasks on a service that is up, as an entry would."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.url = stack.database_url
        self.engine = make_engine(self.url, application="docrelay test")
        self.client = Client(self.url)

    def sql(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        def work(connection: Connection) -> list[dict[str, Any]]:
            result = connection.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

        return transact(self.engine, work)

    def run(self, name: str, task: str, *, rehearsal: bool = False, **arguments: Any) -> Past:
        """Run the task to its end."""
        entry = Entry(
            every=timedelta(days=1), task=task, arguments=arguments, rehearsal="off", limit=timedelta(hours=1)
        )

        def ask(connection: Connection) -> Any:
            if rehearsal:
                return asking.rehearse(connection, name, entry, "test")
            return asking.run(connection, name, entry, "test", anyway=True)

        run_id, job_id = transact(self.engine, ask)
        for _ in self.client.watch(job_id, timeout=240):
            pass
        transact(self.engine, ledger.settle)
        past = transact(self.engine, lambda connection: history(connection, name, limit=100))
        return next(each for each in past if each.id == run_id)

    def close(self) -> None:
        self.client.close()
        self.engine.dispose()


@pytest.fixture(scope="module")
def recurring(
    databases: Databases, migrated: str, rabbitmq: RabbitMQ, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recurring]:
    """A service without entries, for the tasks themselves."""
    name = databases.create(migrated)
    home = tmp_path_factory.mktemp("recurring")
    with recurring_service(home, databases.url(name), rabbitmq, "") as stack:
        running = Recurring(stack)
        yield running
        running.close()
    databases.drop(name)
