"""Statements past SQLAlchemy, and the transactions around them: right when connections break."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from docrelay.database import driver_connection, make_engine, transact, transact_singly
from docrelay.errors import ConfigError, Unavailable
from docrelay.statements import Statement
from tests.transitions.service import Service

ECHO = Statement("select cast(:word as text) as word, '100 %' as percent, 1::int as one, cast(:id as uuid) as id")

Transact = Callable[..., Any]


def test_parameters_are_written_as_in_text(engine: Engine) -> None:
    values = {"word": "it's", "id": uuid.uuid4()}
    expected = {**values, "percent": "100 %", "one": 1}
    assert transact(engine, lambda connection: ECHO.first(connection, values)) == expected
    assert transact_singly(engine, lambda connection: ECHO.all(connection, values)) == [expected]


def test_they_are_part_of_the_transaction(engine: Engine, service: Service) -> None:
    job = service.submit()
    rename = Statement("update jobs set name = 'other' where id = :id returning id")
    with engine.begin() as connection:
        assert rename.first(connection, {"id": job.id})
        connection.rollback()
    assert service.job(job).document.name == "a.txt"
    transact(engine, lambda connection: rename.first(connection, {"id": job.id}))
    assert service.job(job).document.name == "other"


@pytest.mark.parametrize("run", [transact, transact_singly])
def test_connections_that_broke_in_the_pool_are_no_failure(url: str, service: Service, run: Transact) -> None:
    engine = make_engine(url, application="broken", ping=False)
    held = [engine.connect() for _ in range(5)]
    for connection in held:
        connection.execute(text("select 1"))
        connection.close()
    service.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'broken'")
    # One try finds out and one repeats: the five others were not tried one after the other.
    tries: list[int] = []

    def work(connection: Any) -> Any:
        tries.append(1)
        return ECHO.first(connection, {"word": "a", "id": None})

    assert run(engine, work)["word"] == "a"
    assert len(tries) == 2
    engine.dispose()


@pytest.mark.parametrize("run", [transact, transact_singly])
def test_a_database_that_is_not_there_is_said_to_be(run: Transact) -> None:
    engine = make_engine("postgresql://nobody@127.0.0.1:1/nothing", ping=False)
    with pytest.raises(Unavailable, match="the database cannot be reached"):
        run(engine, lambda connection: ECHO.first(connection, {"word": "a", "id": None}), patience=0)


@pytest.mark.parametrize("run", [transact, transact_singly])
def test_wrong_statements_are_not_repeated(engine: Engine, empty_url: str, run: Transact) -> None:
    with pytest.raises(DBAPIError, match="division by zero"):
        run(engine, lambda connection: Statement("select 1 / 0").all(connection, {}))
    bare = make_engine(empty_url)
    with pytest.raises(ConfigError, match="run `python -m app migrate`"):
        run(bare, lambda connection: Statement("select * from jobs").all(connection, {}))
    bare.dispose()


def test_a_connection_goes_back_with_transactions_switched_on_again(url: str, service: Service) -> None:
    engine = make_engine(url, pool_size=1)
    job = service.submit()
    with driver_connection(engine) as connection:
        connection.execute("update jobs set name = 'committed'")
    with engine.connect() as ordinary:
        ordinary.execute(text("update jobs set name = 'rolled back'"))
    assert service.job(job).document.name == "committed"
    engine.dispose()
