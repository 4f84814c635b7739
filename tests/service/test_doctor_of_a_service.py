"""A service that is well is found well: every process says that it is there, Beat too."""

import subprocess
import time

import pytest

from app.doctor import Verdict, examine
from app.stack.whole import Stack


@pytest.mark.usefixtures("tesseract")
def test_a_running_service_is_well(stack: Stack) -> None:
    """On RabbitMQ with one warning: its time-out for consumers is as it comes."""
    settings = stack.plan.settings.model_copy(update={"database_url": stack.database_url})
    found = {finding.check: finding for finding in examine(settings)}
    assert found["beat"].found.startswith("1 alive")
    unwell = [
        finding
        for finding in found.values()
        if finding.verdict is not Verdict.OK and finding.check not in ("consumer timeout", "quarantine")
    ]
    assert unwell == []


def test_a_beat_that_stops_is_gone_at_once(stack: Stack) -> None:
    """It removes its own row; the supervisor starts the next one."""
    settings = stack.plan.settings.model_copy(update={"database_url": stack.database_url})
    before = stack.supervisor.pids()["beat"]
    subprocess.run(["kill", "-TERM", str(before)], check=True)
    give_up = time.monotonic() + 30
    while True:
        (beat,) = [finding for finding in examine(settings) if finding.check == "beat"]
        if beat.verdict is Verdict.OK and f":{before}," not in beat.found:
            break
        assert time.monotonic() < give_up, beat
        time.sleep(0.3)
