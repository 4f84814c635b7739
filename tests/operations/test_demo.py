"""The demo, as a newcomer runs it; slow, since it starts the whole service and stops it again."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 240
"""It takes under 60 s on two idle cores; those of a test run are seldom idle."""


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    folder.mkdir(exist_ok=True)
    # A real service of the user's, which the demo must leave alone.
    environment = {**os.environ, "TMPDIR": str(folder), "DOCRELAY_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}
    return subprocess.Popen(
        [sys.executable, "-m", "app", "demo", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def started_from(folder: Path) -> list[psutil.Process]:
    """Processes that have something to do with this folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        said = " ".join(process.info["cmdline"] or []) + str(process.info["environ"])
        if str(folder) in said and process.pid != os.getpid():
            found.append(process)
    return found


@pytest.mark.usefixtures("tesseract")
@pytest.mark.timeout(LIMIT_SECONDS + 30)
def test_everything_that_is_promised_happens(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with start(folder) as demo:
        said, _ = demo.communicate(timeout=LIMIT_SECONDS)
    assert demo.returncode == 0, said
    assert "✗" not in said.partition("Promised and kept?")[2]
    for line in (
        r"^✓ 11 readable documents are searchable$",
        r"^lease\.pdf +succeeded +4 ",
        r"^salary-bands\.pdf +failed .*The PDF is encrypted",
        r"^board-minutes\.pdf +failed ",
        r"^blank-page\.pdf +no_text ",
        r"^scanned-invoice\.pdf +succeeded ",
        r"^copy-of-the-lease\.pdf +succeeded .*identical to an earlier",
        r"^\+\d+\.\d\d s +vectorize #1 +succeeded",
        r"^lease\.pdf +job\.succeeded +delivered +\d +[\d.]+ s +valid",
        r"first answered 503$",
        r"^✓ “am I allowed to live here with a dog” found lease\.pdf by its meaning alone$",
    ):
        assert re.search(line, said, re.MULTILINE), f"{line} in:\n{said}"
    assert max(map(len, said.partition("What became of them")[2].splitlines())) <= 100
    assert list(folder.iterdir()) == []
    assert started_from(folder) == []


@pytest.mark.timeout(120)
def test_a_demo_that_is_told_to_stop_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with start(folder) as demo:
        give_up = time.monotonic() + 60
        while not list(folder.glob("*/service/database-url")) and time.monotonic() < give_up:
            time.sleep(0.1)
        demo.send_signal(signal.SIGTERM)
        demo.communicate(timeout=60)
    assert demo.returncode == 128 + signal.SIGTERM
    assert list(folder.iterdir()) == []
    assert started_from(folder) == []
