"""A short seeded run of the harness, and that the harness notices what it should."""

import uuid

import psycopg
import pytest

from chaos.invariants import QUESTIONS, offenders
from chaos.report import summary
from chaos.run import Wanted, run
from docrelay import Client


def test_a_short_run_keeps_every_promise() -> None:
    """Ten faults of different kinds among sixty documents."""
    outcome = run(Wanted(documents=60, faults=10, seed=4))
    assert outcome.good, summary(outcome)


def test_every_kind_of_fault_has_a_name_of_its_own() -> None:
    """A row of the table is found by it."""
    from chaos.faults import FAULTS

    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


FORGED = {
    "stages worked on by two at once": """
        insert into attempts (stage_run_id, number, token, worker, host, pid, message_id)
        select id, n, n, 'w', 'h', 1, 'm' from stage_runs, generate_series(1, 2) n where position = 1""",
    "writes of a worker whose lease had run out": """
        insert into events (job_id, kind, stage, attempt, who)
        select id, kind, 'parse', 1, 'somebody' from jobs, unnest(array['lease ran out', 'succeeded']) kind""",
    "attempts whose start is not in the history": """
        insert into attempts (stage_run_id, number, token, worker, host, pid, message_id)
        select id, 1, 1, 'w', 'h', 1, 'm' from stage_runs where position = 1""",
    "jobs with more than one outcome": """
        insert into events (job_id, kind, who)
        select id, kind, 'somebody' from jobs, unnest(array['job failed', 'job succeeded']) kind""",
    "outcomes without an event": "update jobs set status = 'failed', finished_at = now()",
    "failures without a reason": "update jobs set status = 'failed', finished_at = now()",
    "documents charged for a fault that was not theirs": "update stage_runs set failures = 1 where position = 1",
}


@pytest.fixture
def job_id(client: Client) -> uuid.UUID:
    """A job that nobody works on."""
    return client.submit(b"# A note", name="note.md").id


@pytest.mark.parametrize("promise", FORGED)
def test_a_broken_promise_is_noticed(promise: str, url: str, job_id: uuid.UUID) -> None:
    """Rows as a broken service would leave them are found, under the right name."""
    assert promise in QUESTIONS
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        assert promise not in offenders(connection)
        connection.execute(FORGED[promise].encode())
        assert job_id in offenders(connection)[promise]
