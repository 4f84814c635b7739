"""What a round of the dispatcher reads."""

import pytest

from app.dispatch.announce import PLAN_ONCE, TAKE
from docrelay import Client
from docrelay.database import make_engine, transact
from docrelay.names import Queue
from docrelay.statements import Statement

READ = Statement(
    "select seq_tup_read + coalesce(idx_tup_fetch, 0) as rows from pg_stat_xact_user_tables where relname = :table"
)


@pytest.mark.parametrize("options", ["", PLAN_ONCE])
def test_a_round_reads_no_more_for_a_longer_queue(url: str, client: Client, options: str) -> None:
    """Right after a large submission too, when the planner's statistics know nothing of it."""
    client.submit_many([f"text {number}".encode() for number in range(600)])
    engine = make_engine(url, options=options)
    values = {"queues": [queue.value for queue in Queue], "rooms": [3] * len(Queue), "again": 30.0}
    for _ in range(8):  # a plan for all times is made after some
        with engine.connect() as connection:
            taken = TAKE.all(connection, values)
            assert [row["queue"] for row in taken] == [Queue.PARSE] * 3
            for table in ("stage_runs", "jobs"):
                assert READ.all(connection, {"table": table})[0]["rows"] < 100, table
            connection.commit()
    engine.dispose()


def test_what_was_taken_is_not_taken_again(url: str, client: Client) -> None:
    client.submit_many([f"text {number}".encode() for number in range(5)])
    engine = make_engine(url, options=PLAN_ONCE)
    values = {"queues": [Queue.PARSE.value], "rooms": [3], "again": 30.0}
    rounds = [transact(engine, lambda connection: TAKE.all(connection, values)) for _ in range(3)]
    assert [len(taken) for taken in rounds] == [3, 2, 0]
    assert len({row["id"] for taken in rounds for row in taken}) == 5
    engine.dispose()
