"""The sweep's own transaction."""

from typing import cast

from sqlalchemy import Engine, insert, text

from app.brokers.publisher import Publisher
from app.dispatch.sweep import Sweep
from docrelay import Client
from docrelay.database import transact
from docrelay.ids import new_id
from docrelay.statements import Statement
from docrelay.tables import Reranking
from docrelay.transitions import Policy
from docrelay.transitions.batches import close_batches

READ = Statement(
    "select seq_tup_read + coalesce(idx_tup_fetch, 0) as rows from pg_stat_xact_user_tables where relname = :table"
)


def test_a_dispatcher_that_is_cut_off_lets_the_others_sweep(engine: Engine) -> None:
    """Postgres ends its transaction, and with it the lock, seconds after it has fallen silent."""
    sweep = Sweep(engine, cast("Publisher", None), Policy())
    with engine.connect() as connection:
        sweep._rows(connection)
        assert connection.scalar(text("show idle_in_transaction_session_timeout")) == "3s"
    with engine.connect() as connection:
        assert connection.scalar(text("show idle_in_transaction_session_timeout")) == "1min"


def test_the_finished_jobs_of_an_open_batch_are_not_read_again(engine: Engine, client: Client) -> None:
    jobs = client.submit_many([f"text {number}".encode() for number in range(1000)], notify_batch=["@somebody"])
    client.submit_many([f"other {number}".encode() for number in range(300)])
    leave = text(
        "with gone as (delete from batches where id <> :batch) update jobs set batch_id = null where batch_id <> :batch"
    )
    transact(engine, lambda connection: connection.execute(leave, {"batch": jobs[0].batch_id}))
    finish = text("update jobs set status = 'succeeded' where id <> :last and batch_id is not null")
    transact(engine, lambda connection: connection.execute(finish, {"last": jobs[-1].id}))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as alone:
        # Its row comes after the others', as that of a job that has just been claimed does.
        alone.execute(text("vacuum (full) jobs"))
        alone.execute(text("update jobs set name = name || '.txt' where id = :last"), {"last": jobs[-1].id})
        alone.execute(text("vacuum (analyze)"))
    with engine.connect() as connection:
        before = READ.all(connection, {"table": "jobs"})[0]["rows"]
        assert close_batches(connection) == []
        assert READ.all(connection, {"table": "jobs"})[0]["rows"] - before < 20
    transact(engine, lambda connection: connection.execute(text("update jobs set status = 'succeeded'")))
    assert len(transact(engine, close_batches)) == 1


def test_requests_of_clients_that_died_are_removed(engine: Engine) -> None:
    sweep = Sweep(engine, cast("Publisher", None), Policy())
    with engine.begin() as connection:
        for minutes in (9, 11):
            made = text(f"now() - interval '{minutes} minutes'")
            row = {"id": new_id(), "query": str(minutes), "passages": ["p"], "created_at": made}
            connection.execute(insert(Reranking).values(**row))
        sweep._rows(connection)
        assert connection.scalars(text("select query from rerankings")).all() == ["9"]
