"""A dispatcher that starts before its database waits for it, says so, and then works."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, make_url, text

from chaos.proxy import Proxy
from docrelay import Client, Job

ROOT = Path(__file__).resolve().parents[2]


def _until(seconds: float, true: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, what
        time.sleep(0.05)


def test_the_dispatcher_waits_for_the_database(url: str, engine: Engine, client: Client, tmp_path: Path) -> None:
    job = client.submit(b"waits for a dispatcher")
    server = make_url(url)
    log = tmp_path / "dispatch.log"
    with Proxy(server.port or 5432) as proxy, log.open("w") as lines:
        address = server.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
        environment = {**os.environ, "DOCRELAY_DATABASE_URL": address, "DOCRELAY_HOME": str(tmp_path / "home")}
        command = [sys.executable, "-m", "app", "dispatch"]
        with proxy.away():
            dispatcher = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=lines)
            try:
                _until(30, lambda: "the database cannot be reached" in log.read_text(), "it said nothing")
                assert dispatcher.poll() is None
            except BaseException:
                dispatcher.kill()
                raise
        try:
            _until(40, lambda: _announced(engine, job), "the stage was not announced")
        finally:
            dispatcher.terminate()
            dispatcher.wait(20)


def _announced(engine: Engine, job: Job) -> bool:
    statement = text("select announced_at from stage_runs where job_id = :id and position = 0")
    with engine.connect() as connection:
        return connection.scalar(statement, {"id": job.id}) is not None
