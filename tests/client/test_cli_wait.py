"""`docrelay wait` and `watch`, in a pipe and on a terminal."""

import contextlib
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import ioctl

import pytest

from docrelay.names import ErrorClass
from tests.client.shell import Run
from tests.transitions.service import Service


@contextmanager
def meanwhile(work: Callable[[], object], *, after: float = 0.5) -> Iterator[None]:
    timer = threading.Timer(after, work)
    timer.start()
    yield
    timer.join()


def test_wait_for_several(docrelay: Run, service: Service) -> None:
    first, second = service.submit(name="one.txt"), service.submit(name="two.txt")
    service.finish(first)
    with meanwhile(lambda: service.finish(second)):
        answer = docrelay("wait", first.id, second.id, "--timeout", 20)
    assert answer.code == 0
    assert [cells[0] for cells in answer.lines] == [str(first.id), str(second.id)]
    assert [cells[1].split(" in ")[0] for cells in answer.lines] == ["✓ one.txt  succeeded", "✓ two.txt  succeeded"]


def test_a_failed_job_is_three_with_its_reason(docrelay: Run, service: Service) -> None:
    job = service.submit()
    with meanwhile(lambda: service.fail(service.claim(job), ErrorClass.PERMANENT)):
        answer = docrelay("wait", job.id, "--timeout", 20)
    assert answer.code == 3
    assert answer.out.endswith("parse: it broke\n")


def test_too_late_is_four(docrelay: Run, service: Service) -> None:
    begun = time.monotonic()
    answer = docrelay("wait", service.submit().id, "--timeout", 0.5, "--json")
    assert 0.5 <= time.monotonic() - begun < 5
    assert answer.code == 4
    assert [job["status"] for job in json.loads(answer.out)] == ["queued"]


def test_a_job_that_is_deleted_meanwhile_ends_the_wait(docrelay: Run, service: Service) -> None:
    job = service.submit()
    with meanwhile(lambda: service.client.delete(job.document.id)):
        answer = docrelay("wait", job.id, "--timeout", 20)
    assert answer.code == 1
    assert answer.err == f"error: there is no job {job.id}\n"


def test_watch_tells_each_step_once(docrelay: Run, service: Service) -> None:
    job = service.submit(pipeline="extract")

    def work() -> None:
        held = service.claim(job)
        time.sleep(0.4)
        service.beat(held, done=1, total=2)
        time.sleep(0.4)
        service.succeed(held)

    with meanwhile(work):
        answer = docrelay("watch", job.id, "--timeout", 20)
    assert answer.code == 0
    steps = answer.out.splitlines()
    assert steps[:-1] == ["  a.txt  parse ready", "  a.txt  parse running"]
    assert steps[-1].startswith("✓ a.txt  succeeded in ")


def test_watch_as_json_lines(docrelay: Run, service: Service) -> None:
    job = service.submit()
    with meanwhile(lambda: service.cancel(job)):
        answer = docrelay("watch", "--json", "--timeout", 20)
    changes = [json.loads(line) for line in answer.out.splitlines()]
    assert answer.code == 3
    assert [change["status"] for change in changes] == ["queued", "cancelled"]
    assert changes[-1] == service.job(job).as_dict()


def test_watch_without_anything_under_way(docrelay: Run) -> None:
    answer = docrelay("watch")
    assert (answer.code, answer.err) == (0, "no job is under way\n")


# -- on a terminal


def on_terminal(url: str, *arguments: object, **environment: str) -> tuple[int, str]:
    """Run the command on a terminal of 100 columns; its exit status and all that it drew."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    command = [sys.executable, "-c", "from docrelay.cli import main; main()", *map(str, arguments)]
    plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR")}
    variables = {**plain, "TERM": "xterm-256color", "DOCRELAY_DATABASE_URL": url, **environment}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=variables) as process:
        os.close(theirs)
        drawn = b""
        with contextlib.suppress(OSError):  # Linux says EIO when the other side is gone
            while piece := os.read(ours, 65536):
                drawn += piece
        os.close(ours)
    return process.returncode, drawn.decode()


@pytest.fixture
def busy(service: Service) -> Iterator[None]:
    """A job with progress, which is over after some seconds, beside one that waits."""
    job, other = service.submit(name="report.pdf", pipeline="extract"), service.submit(name="other.pdf")

    def work() -> None:
        held = service.claim(job)
        service.beat(held, done=3, total=12, unit="pages")
        time.sleep(3)
        service.succeed(held)
        time.sleep(0.5)  # what happens at one moment is drawn at once
        service.cancel(other)

    with meanwhile(work, after=0):
        yield


@pytest.mark.usefixtures("busy")
def test_bars(url: str) -> None:
    code, drawn = on_terminal(url, "watch")
    assert code == 3
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn)
    assert re.search(r"report\.pdf +parse +[━╺╸]+ +3/12 pages +0:00:0\d", text)
    assert re.search(r"other\.pdf +parse +[━╺╸]+ +ready", text)
    assert re.search(r"all +[━╺╸]+ +1/2 jobs", text)
    assert re.search(r"✓ report\.pdf  succeeded in", text)
    assert "\x1b[32m" in drawn


@pytest.mark.usefixtures("busy")
def test_no_color(url: str) -> None:
    _, drawn = on_terminal(url, "watch", NO_COLOR="1")
    assert "3/12 pages" in drawn
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", drawn)


def test_tables_fit_the_terminal(url: str, service: Service) -> None:
    service.submit(name="a very long name of a document " * 5 + ".pdf")
    code, drawn = on_terminal(url, "jobs")
    assert code == 0
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn).splitlines()
    assert lines[0].split()[:3] == ["job", "status", "document"]
    assert max(map(len, lines)) <= 100
