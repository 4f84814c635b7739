"""`python -m app up`, for real: everything starts, stops, and leaves nothing behind."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from app.stack.guard import MARK
from docrelay.names import ADDRESS_FILE

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 120


class Up:
    """A running `up`, and what it has printed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.output = home.with_suffix(".out")
        unset = {"DOCRELAY_DATABASE_URL", "DOCRELAY_BROKER_URL", MARK}
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        with self.output.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", "up"],
                cwd=ROOT,
                env={**environment, "DOCRELAY_HOME": str(home), "PYTHONUNBUFFERED": "1"},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    def wait_for(self, pattern: str, seconds: float = READY_SECONDS) -> "re.Match[str]":
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text, re.MULTILINE)):
            assert self.process.poll() is None, f"up ended:\n{self.text[-4000:]}"
            assert time.monotonic() < deadline, f"no {pattern!r} in:\n{self.text[-4000:]}"
            time.sleep(0.1)
        return found

    def descendants(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    up = Up(tmp_path / "home")
    yield up
    if up.process.poll() is None:
        up.process.kill()
    up.process.wait(10)


def gone(processes: list[psutil.Process], seconds: float = 30) -> bool:
    return not psutil.wait_procs(processes, timeout=seconds)[1]


def test_it_starts_mends_and_stops(up: Up) -> None:
    up.wait_for("^ready$")
    address = (up.home / ADDRESS_FILE).read_text().strip()
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (0,)
    assert address.split(":")[2].split("@")[0] not in up.text

    url, user, password = up.wait_for(r"^flower +(\S+) +user (\S+) +password (\S+)$").groups()
    assert httpx.get(f"{url}/workers").status_code == 401
    assert httpx.get(f"{url}/workers", auth=(user, password)).status_code == 200

    everything = up.descendants()
    for secret in (password, (up.home / "secrets" / "webhook").read_text()):
        assert not any(secret in " ".join(process.cmdline()) for process in everything)

    worker = next(process for process in everything if "notify@%h" in process.cmdline())
    worker.kill()
    up.wait_for(r"^notify +\| was killed by SIGKILL; starting it again in 1 s$", 10)
    up.wait_for(r"^notify +\| .*notify@\S+ ready\.(.|\n)*notify@\S+ ready\.", 30)

    everything = up.descendants()
    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(40) == 0
    assert up.text.endswith("stopped\n")
    assert "was killed\n" not in up.text
    assert gone(everything, 5)
    assert not (up.home / ADDRESS_FILE).exists()


def test_a_second_one_in_the_same_home_is_refused(up: Up) -> None:
    up.wait_for("^database ")
    other = subprocess.run(
        [sys.executable, "-m", "app", "up"],
        cwd=ROOT,
        env={**os.environ, "DOCRELAY_HOME": str(up.home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert other.returncode == 1
    assert other.stderr.startswith(f"error: {up.home} is in use by process {up.process.pid}")


def test_stopped_while_it_starts_it_undoes_what_it_has_done(up: Up) -> None:
    up.wait_for("^starting in ")
    time.sleep(0.5)  # somewhere between initdb and the first worker
    everything = up.descendants()
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(40) == 0
    assert up.text.endswith("stopped\n")
    assert gone(everything, 5)


def test_stopped_while_a_library_makes_a_class_it_ends_well() -> None:
    """Python remembers a KeyboardInterrupt that came out of `exec`, and ends by SIGINT whoever caught it."""
    program = """
import os, signal, time
from app.commands.up import _stop_signals
with _stop_signals():
    exec("os.kill(os.getpid(), signal.SIGINT); time.sleep(30)")
    raise SystemExit("not stopped")
"""
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60, check=False).returncode == 0


def test_killed_it_leaves_nothing_behind(up: Up) -> None:
    up.wait_for("^ready$")
    everything = up.descendants()
    assert len(everything) > 7
    up.process.kill()
    assert gone(everything)
