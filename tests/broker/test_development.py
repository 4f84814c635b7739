"""The private servers: theirs alone, on loopback only."""

import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from app.brokers.topology import declare
from app.development.native import NativeRabbitMQ, find
from app.development.server import RabbitMQ, ServerError
from tests.broker.conftest import ROOT, wait_until


def test_everything_listens_on_loopback_only(rabbitmq: RabbitMQ) -> None:
    if not isinstance(rabbitmq, NativeRabbitMQ):
        pytest.skip("a container's processes are Docker's")
    ours = {process.pid for process in psutil.Process().children(recursive=True)}
    sockets = [each for each in psutil.net_connections() if each.status == "LISTEN" and each.pid in ours]
    listening = {tuple(each.laddr) for each in sockets}
    assert {("127.0.0.1", rabbitmq.port), ("127.0.0.1", rabbitmq.api_port)} <= listening
    assert {address for address, _port in listening} <= {"127.0.0.1", "::1"}


def test_nothing_is_left_when_it_is_over() -> None:
    commands = find()
    if commands is None:
        pytest.skip("a container's processes are Docker's")
    before = {process.pid for process in psutil.Process().children()}
    with NativeRabbitMQ(commands) as server:
        home = Path(server._home)
        started = {process.pid for process in psutil.Process().children()} - before
        assert len(started) >= 2
        with pytest.raises(ServerError, match="no-such-command"):
            server.rabbitmqctl("no-such-command")
    assert not home.exists()
    assert not any(psutil.pid_exists(pid) for pid in started)


def test_a_database_of_ones_own(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE EXTENSION vector")
        assert connection.execute("SELECT '[1,2]'::vector <-> '[1,3]'::vector").fetchone() == (1.0,)


def test_make_services_prints_what_to_set_and_stops(tmp_path: Path) -> None:
    output = tmp_path / "output"
    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.development"],
            cwd=ROOT,
            stdout=file,
            env={**os.environ, "DOCRELAY_HOME": str(tmp_path / "home"), "PYTHONUNBUFFERED": "1"},
        )
    try:
        wait_until(lambda: "Ctrl-C" in output.read_text() or process.poll() is not None, output.read_text)
        started = psutil.Process(process.pid).children(recursive=True)
        urls = dict(re.findall(r"^export (\w+)=(\S+)$", output.read_text(), re.MULTILINE))
        with psycopg.connect(urls["DOCRELAY_DATABASE_URL"]) as connection:
            connection.execute("SELECT 1")
        declare(urls["DOCRELAY_BROKER_URL"], urls["DOCRELAY_BROKER_API_URL"])
    finally:
        process.terminate()
        assert process.wait(60) == 0
    wait_until(lambda: not alive(started), lambda: alive(started), seconds=5)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            # Grandchildren stay as zombies where process 1 collects nothing, as in many containers.
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
