"""A day of the simulated month, and that its judge would say so if something were wrong."""

from datetime import timedelta

import psycopg
import pytest

from app.development.server import RabbitMQ
from benchmarks.schedule.month.almanac import due_times, utc
from benchmarks.schedule.month.entries import ENTRIES
from benchmarks.schedule.month.judge import judge
from benchmarks.schedule.month.run import Wanted, run

EVENING = utc(2025, 3, 29) + timedelta(hours=21)
SPAN = (EVENING, EVENING + timedelta(hours=14))
"""Berlin and Beirut put their clocks forward."""


def test_a_day_of_the_month(url: str, rabbitmq: RabbitMQ) -> None:
    """Beats die and come back while clocks are changed; each due time has its one row, with a true reason."""
    simulated = run(Wanted(spans=[SPAN], mishaps=12, seed=3), rabbitmq, database_url=url)
    assert simulated.judgement.problems == []
    assert sum(simulated.chance.happened.values()) >= 5
    fates = simulated.judgement.fates
    assert (fates["berlin-night"].due, fates["beirut-midnight"].due, fates["every-90-minutes"].due) == (1, 1, 9)
    assert sum(each.counts["in time"] for each in fates.values()) > 0
    _bites(url)


def _bites(url: str) -> None:
    almanac = {entry.name: due_times(entry, *SPAN) for entry in ENTRIES}
    wrongs = {
        "delete from schedule_runs where entry = 'every-90-minutes' and due_at = (select max(due_at) from schedule_runs"
        " where entry = 'every-90-minutes')": "has no row",
        "update schedule_runs set due_at = due_at + interval '1 minute' where entry = 'berlin-night'": "was not due at",
        "update schedule_runs set outcome = 'missed', reason = 'away' where entry = 'beirut-midnight'": "a Beat ran",
        "update schedule_runs r set kind = 'hand' where entry = 'berlin-hours'": "has no row",
        "update schedule_runs set job_id = (select job_id from schedule_runs where job_id is not null limit 1)"
        " where job_id is not null": "belongs to",
    }
    for wrong, expected in wrongs.items():
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(wrong.encode())
        problems = judge(url, almanac, []).problems
        if not any(expected in problem for problem in problems):
            pytest.fail(f"not noticed: {wrong}")
