"""The doctor names what is missing, and what to do about it."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

from app.doctor import Finding, Verdict, examine
from config.settings import Settings
from docrelay.ids import new_id
from docrelay.names import Queue
from docrelay.tables import DeadMessage, Process


def _by_check(url: str, home: Path) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(Settings(database_url=url, home=home))}


def test_a_service_without_processes(url: str, tmp_path: Path) -> None:
    """Nobody dispatches and nobody consumes."""
    findings = _by_check(url, tmp_path)
    assert findings["schema"].verdict is Verdict.OK
    assert findings["broker"].verdict is Verdict.OK
    assert findings["dispatcher"] == Finding(
        "dispatcher", Verdict.FAILED, "none runs", "start `python -m app dispatch`"
    )
    assert "nobody consumes" in findings[f"workers of {Queue.PARSE}"].found


def test_a_service_that_is_well(url: str, engine: Engine, tmp_path: Path) -> None:
    """Everything is there; a dead letter is a warning."""
    rows = [("dispatcher", None)] + [("worker", queue.value) for queue in Queue]
    with engine.begin() as connection:
        for role, queue in rows:
            values = {"id": new_id(), "role": role, "queue": queue, "slots": 2, "host": "here", "pid": 1}
            connection.execute(insert(Process).values(**values))
        connection.execute(insert(DeadMessage).values(reason="rejected", headers={}, body=b"?"))
    findings = _by_check(url, tmp_path)
    assert findings["dead letters"].verdict is Verdict.WARNING
    assert [finding for finding in findings.values() if finding.verdict is Verdict.FAILED] == []


def test_an_old_schema(empty_url: str, tmp_path: Path) -> None:
    """Migrate is the remedy."""
    assert _by_check(empty_url, tmp_path)["schema"].remedy == "run `python -m app migrate`"


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/nothing"])
def test_no_database(url: str, tmp_path: Path) -> None:
    """One finding, not a traceback."""
    findings = _by_check(url, tmp_path)
    assert findings["database"].verdict is Verdict.FAILED
    assert "refused" in findings["database"].found


def test_no_broker(url: str, tmp_path: Path) -> None:
    """The same for the broker; the password is not shown."""
    settings = Settings(database_url=url, home=tmp_path, broker_url="amqp://guest:secret@127.0.0.1:1//")
    broker = next(finding for finding in examine(settings) if finding.check == "broker")
    assert broker.verdict is Verdict.FAILED
    assert "secret" not in broker.found
