"""The whole service loses its RabbitMQ: who runs it hears of it, and of its return; the command says the same."""

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.commands.alerts import command
from app.development.receiver import Receiver
from app.development.server import RabbitMQ
from app.development.service import service
from tests.notifications.test_sending import forget


def _told(receiver: Receiver) -> list[tuple[str, str]]:
    payloads = [request.payload for request in receiver.requests]
    return [(payload["type"], payload["data"]["state"]) for payload in payloads]


def wait_for(receiver: Receiver, wanted: tuple[str, str], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while wanted not in _told(receiver):
        assert time.monotonic() < deadline, f"{wanted} is not among {_told(receiver)}"
        time.sleep(0.1)


def test_alerts_arrive_while_the_broker_is_down(
    rabbitmq: RabbitMQ, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver() as receiver:
        file = tmp_path / "notify.toml"
        file.write_text(f'[alerts]\ntargets = ["{receiver.url}"]\ngrace_seconds = 2\n')
        with service(
            tmp_path / "home",
            broker_url=rabbitmq.url,
            broker_api_url=rabbitmq.api_url,
            webhook_secret="master",
            notify_file=file,
            sweep_seconds=1,
        ) as stack:
            assert ("alert.broker.unreachable", "fired") not in _told(receiver)
            for name, value in {
                "DATABASE_URL": stack.database_url,
                "NOTIFY_FILE": str(file),
                "WEBHOOK_SECRET": "master",
                "DELIVERY_ALLOW": "127.0.0.1",
            }.items():
                monkeypatch.setenv(f"DOCRELAY_{name}", value)
            forget()
            rabbitmq.kill()
            try:
                wait_for(receiver, ("alert.broker.unreachable", "fired"), 60)
                listed = CliRunner().invoke(command, ["list", "--json"])
                assert listed.exit_code == 1
                assert "broker.unreachable" in [each["rule"] for each in json.loads(listed.output)["alerts"]]
                tried = CliRunner().invoke(command, ["test"])
                assert (tried.exit_code, tried.output) == (0, f"{receiver.url}\tarrived\n")
                assert ("alert.test", "test") in _told(receiver)
            finally:
                rabbitmq.start()
            wait_for(receiver, ("alert.broker.unreachable", "cleared"), 90)
            assert all(request.verified for request in receiver.requests)
            silenced = CliRunner().invoke(command, ["silence", "queue.*", "--for", "2h", "--because", "moving"])
            assert silenced.output == "queue.*: silent for 2h\n"
            assert "moving" in CliRunner().invoke(command, ["list"]).output
            assert CliRunner().invoke(command, ["silence", "queue.*", "--for", "soon"]).exit_code == 2
            forget()


def test_a_target_that_takes_no_test_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCRELAY_WEBHOOK_SECRET", "master")
    forget()
    tried = CliRunner().invoke(command, ["test", "--target", "http://169.254.169.254/latest?token=hidden"])
    forget()
    assert tried.exit_code == 1
    assert "is not allowed" in tried.output
    assert "hidden" not in tried.output
    assert CliRunner().invoke(command, ["test"]).exit_code == 2
