"""What operators do and see, with the real Beat, RabbitMQ and Postgres: rehearse, pause, spoil the file, look back."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from app.alerts.rules import schedule_file
from app.development.server import RabbitMQ
from app.doctor import Finding, Verdict, examine
from config.notifications import AlertLimits
from config.settings import Settings
from docrelay.database import transact
from tests.flower.browser import base_url
from tests.schedule.conftest import MODULE, Recurring, recurring_service
from tests.servers.database import Databases

SCHEDULE = """
[tick]
every = "1s"
task = "nothing"
overlap = "allow"
rehearsal = "off"

[careful]
every = "1s"
task = "nothing"

[lazy]
every = "1s"
task = "slow"
arguments = { seconds = 2.5 }
rehearsal = "off"

[yearly]
cron = "30 2 1 1 *"
timezone = "Europe/Berlin"
task = "refuse"
"""


END_BEAT = text("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'docrelay beat'")


class Operating(Recurring):
    """A service with a schedule file, and its command."""

    file: Path

    def schedule(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`python -m app schedule …`"""
        environment = {
            **os.environ,
            "DOCRELAY_DATABASE_URL": self.url,
            "DOCRELAY_SCHEDULE_FILE": str(self.file),
            "DOCRELAY_TASK_MODULES": MODULE,
            "COLUMNS": "250",
        }
        argv = [sys.executable, "-m", "app", "schedule", *arguments]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)

    def outcomes(self, entry: str, since: float = 0) -> set[str]:
        """What became of due times of the last seconds."""
        rows = self.sql(
            "select coalesce(outcome, 'sent') as outcome from schedule_runs where entry = :e and kind = 'schedule'"
            " and due_at > to_timestamp(:since)",
            e=entry,
            since=since,
        )
        return {row["outcome"] for row in rows}

    def until(self, looked: Callable[[], Any], seconds: float = 30) -> Any:
        """What is found, as soon as it is."""
        give_up = time.monotonic() + seconds
        while not (found := looked()):
            assert time.monotonic() < give_up
            time.sleep(0.1)
        return found

    def metric(self, name: str, **labels: str) -> float:
        """As Flower serves it, now."""
        answer = httpx.get(f"{base_url(self.stack.plan)}/metrics", timeout=30).text
        (value,) = [
            sample.value
            for family in text_string_to_metric_families(answer)
            for sample in family.samples
            if sample.name == name and sample.labels == labels
        ]
        return value

    def findings(self) -> dict[str, Finding]:
        """The doctor's."""
        settings = Settings(database_url=self.url, home=self.file.parent, schedule_file=self.file)
        return {finding.check: finding for finding in examine(settings, deep=False)}


@pytest.fixture(scope="module")
def operating(
    databases: Databases, migrated: str, rabbitmq: RabbitMQ, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operating]:
    name = databases.create(migrated)
    home = tmp_path_factory.mktemp("operating")
    with recurring_service(home, databases.url(name), rabbitmq, SCHEDULE, with_flower=True) as stack:
        running = Operating(stack)
        running.file = home / "schedule.toml"
        running.until(lambda: running.outcomes("tick"))
        yield running
        running.close()
    databases.drop(name)


def test_held_until_rehearsed(operating: Operating) -> None:
    """It shows with the command to run; after that command it fires; changed, it is held again."""
    operating.until(lambda: operating.outcomes("careful") == {"held"})
    command = "python -m app schedule rehearse careful"
    assert (
        f"\ncareful: held until rehearsed: it was never rehearsed; run `{command}`\n"
        in operating.schedule("list").stdout
    )
    found = operating.findings()["schedule entries"]
    assert (found.verdict, found.found) == (Verdict.WARNING, "held until rehearsed: careful, yearly")
    assert found.remedy == f"run `{command}`"
    refused = operating.schedule("run", "careful")
    assert refused.returncode == 1
    assert command in refused.stderr
    answer = operating.schedule("rehearse", "careful")
    assert answer.returncode == 0, answer.stderr
    assert "rehearsal of careful: succeeded" in answer.stdout
    assert "rehearsal: True" in answer.stdout
    assert "nothing was changed; it will fire from now on" in answer.stdout
    operating.until(lambda: "succeeded" in operating.outcomes("careful"))
    operating.file.write_text(SCHEDULE.replace('[careful]\nevery = "1s"', '[careful]\nevery = "1s"\nlimit = "7m"'))
    now = time.time()
    operating.until(lambda: "held" in operating.outcomes("careful", now))
    assert "it was changed since its rehearsal" in operating.schedule("list").stdout
    operating.file.write_text(SCHEDULE)


def test_a_rehearsal_that_fails(operating: Operating) -> None:
    answer = operating.schedule("rehearse", "yearly")
    assert answer.returncode == 1
    assert "rehearsal of yearly: failed" in answer.stdout
    assert "it cannot be done" in answer.stdout
    assert "it failed its rehearsal" in operating.schedule("list").stdout


def test_a_bad_file_keeps_the_last_good_one(operating: Operating) -> None:
    """Log, doctor, alert and metric say so, and nothing stops."""
    operating.file.write_text(SCHEDULE + '\n[new]\nevery = "1 hour"\ntask = "nothing"\n')
    state = operating.until(lambda: operating.sql("select problem from schedule_state where problem is not null"))
    expected = "schedule.toml: [new] every = '1 hour': expected a number with s, m, h, d or w, such as '15m'"
    assert state[0]["problem"] == expected
    found = operating.findings()["schedule file"]
    assert (found.verdict, found.found) == (Verdict.FAILED, expected)
    assert "until then the last good one counts" in found.remedy
    log = (operating.file.parent / "logs" / "beat.log").read_text()
    assert "the last good schedule is kept" in log
    assert expected in log
    (alarm,) = transact(operating.engine, lambda c: list(schedule_file(c, AlertLimits())))
    assert expected in alarm.found
    assert operating.metric("docrelay_schedule_file_ok") == 0
    assert operating.metric("docrelay_schedule_led") == 1
    now = time.time()
    operating.until(lambda: "succeeded" in operating.outcomes("tick", now))
    assert abs(operating.metric("docrelay_schedule_last_success_seconds", entry="tick") - time.time()) < 30
    assert operating.metric("docrelay_schedule_day_runs", entry="tick", outcome="succeeded") > 0
    assert expected in operating.schedule("list").stderr
    operating.file.write_text(SCHEDULE)
    operating.until(lambda: not operating.sql("select 1 from schedule_state where problem is not null"))
    assert operating.metric("docrelay_schedule_file_ok") == 1


def test_pause_and_resume(operating: Operating) -> None:
    assert operating.schedule("pause", "tick", "--because", "stocktaking").returncode == 0
    now = time.time() + 0.5
    operating.until(lambda: operating.outcomes("tick", now) == {"skipped"})
    reasons = operating.sql("select reason from schedule_runs where outcome = 'skipped' and entry = 'tick' limit 1")
    assert reasons[0]["reason"].startswith("paused by ")
    assert reasons[0]["reason"].endswith(": stocktaking")
    operating.schedule("resume", "tick")
    now = time.time() + 0.5
    operating.until(lambda: "succeeded" in operating.outcomes("tick", now))
    assert operating.schedule("pause", "nobody").returncode == 1


def test_a_run_that_is_not_over_skips_the_next(operating: Operating) -> None:
    operating.until(lambda: {"succeeded", "skipped"} <= operating.outcomes("lazy"))
    rows = operating.sql("select distinct reason from schedule_runs where entry = 'lazy' and outcome = 'skipped'")
    assert rows == [{"reason": "the run before was not over"}]
    running = operating.sql(
        """
        select 1 from schedule_runs a join schedule_runs b on b.entry = a.entry and b.due_at > a.due_at
        where a.entry = 'lazy' and b.started_at < a.finished_at
        """
    )
    assert running == []


def test_coming_times_in_both_zones(operating: Operating) -> None:
    answer = operating.schedule("next", "2", "yearly")
    assert answer.stdout.count(" 01:30:00\t") == 2
    assert answer.stdout.count("02:30:00 +0100") == 2
    assert "Europe/Berlin" in answer.stdout
    shown = json.loads(operating.schedule("next", "20", "--json").stdout)
    assert len(shown) == 20
    assert [each["due"] for each in shown] == sorted(each["due"] for each in shown)


def test_history(operating: Operating) -> None:
    shown = json.loads(operating.schedule("history", "tick", "--outcome", "succeeded", "--json").stdout)
    assert shown[0]["who"].startswith("beat@")
    assert shown[0]["due_at"] <= shown[0]["sent_at"] <= shown[0]["started_at"] <= shown[0]["finished_at"]
    assert "nobody" in operating.schedule("run", "nobody").stderr


def test_what_beat_did_not_see_is_missed_and_the_last_is_caught_up(operating: Operating) -> None:
    """As after a night without Beat: the row of the past is put back, and the file read again."""
    operating.sql("delete from schedule_runs where entry = 'tick' and due_at > now() - interval '2 minutes'")
    with operating.engine.begin() as connection:
        connection.execute(END_BEAT)
        connection.execute(
            text("update schedule_entries set handled_until = now() - interval '90 s' where name = 'tick'")
        )
    rows = operating.until(
        lambda: operating.sql("select reason, times from schedule_runs where entry = 'tick' and outcome = 'missed'")
    )
    assert rows[0]["reason"] == "no Beat ran; catch_up = 'last'"
