"""The supervisor, with real processes."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from app.stack.console import Console
from app.stack.fleet import Role
from app.stack.keeper import ending, pause_after
from app.stack.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]


def role(name: str, script: str) -> Role:
    return Role(name, (sys.executable, "-u", "-c", textwrap.dedent(script)), "a test")


PATIENT = "import time\nprint('here')\ntime.sleep(600)"


def eventually(condition: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def supervise(out: io.StringIO, *roles: Role, stop_seconds: float = 10) -> tuple[Console, Supervisor]:
    console = Console(out, [role.name for role in roles])
    return console, Supervisor(roles, console, environment={}, stop_seconds=stop_seconds)


def test_lines_carry_the_aligned_name_and_no_colour_when_piped(out: io.StringIO) -> None:
    console, supervisor = supervise(out, role("a", PATIENT), role("longer", PATIENT))
    with console, supervisor:
        assert eventually(lambda: out.getvalue().count("here") == 2)
    assert "a      | here\n" in out.getvalue()
    assert "longer | here\n" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_one_that_dies_is_started_again_and_it_says_so(out: io.StringIO) -> None:
    console, supervisor = supervise(out, role("a", PATIENT), role("b", PATIENT))
    with console, supervisor:
        assert eventually(lambda: out.getvalue().count("here") == 2)
        before = supervisor.pids()
        os.kill(before["a"] or 0, signal.SIGKILL)
        assert eventually(lambda: out.getvalue().count("here") == 3)
        after = supervisor.pids()
    assert "a | was killed by SIGKILL; starting it again in 1 s" in out.getvalue()
    assert after["a"] not in {None, before["a"]}
    assert after["b"] == before["b"]


def test_what_a_dead_process_left_behind_goes_before_it_starts_again(out: io.StringIO) -> None:
    script = """
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        print("child", child.pid)
        time.sleep(600)
    """
    console, supervisor = supervise(out, role("a", script))
    with console, supervisor:
        assert eventually(lambda: "child" in out.getvalue())
        child = int(out.getvalue().split("child ")[1].split()[0])
        os.kill(supervisor.pids()["a"] or 0, signal.SIGKILL)
        assert eventually(lambda: not psutil.pid_exists(child))


def test_stopping_lets_them_say_goodbye(out: io.StringIO) -> None:
    script = """
        import signal, sys, time
        def bye(*_):
            print("goodbye")
            sys.exit(0)
        signal.signal(signal.SIGTERM, bye)
        print("here")
        time.sleep(600)
    """
    console, supervisor = supervise(out, role("a", script))
    with console:
        with supervisor:
            assert eventually(lambda: "here" in out.getvalue())
        assert supervisor.pids() == {"a": None}
    assert "goodbye" in out.getvalue()
    assert "killed" not in out.getvalue()


def test_one_that_does_not_stop_is_killed_and_named(out: io.StringIO) -> None:
    script = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('here')\ntime.sleep(600)"
    console, supervisor = supervise(out, role("deaf", script), role("good", PATIENT), stop_seconds=1)
    with console:
        with supervisor:
            assert eventually(lambda: out.getvalue().count("here") == 2)
            begun = time.monotonic()
        assert time.monotonic() - begun < 8
    assert "deaf | did not stop in 1 s and was killed" in out.getvalue()
    assert "good | did not" not in out.getvalue()


def test_a_program_that_does_not_exist_fails_at_once_and_leaves_nothing(out: io.StringIO) -> None:
    console, supervisor = supervise(out, role("a", PATIENT), Role("b", ("/no/such/program",), ""))
    with console, pytest.raises(FileNotFoundError), supervisor:
        pass
    assert supervisor.pids() == {"a": None, "b": None}


def test_nothing_survives_the_supervisors_own_violent_death(tmp_path: Path) -> None:
    """A child, its child in a session of its own, and an orphan: all must go."""
    worker = tmp_path / "worker.py"
    worker.write_text(
        textwrap.dedent("""
        import subprocess, sys, time
        sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
        subprocess.Popen(sleep, start_new_session=True)
        subprocess.run(["sh", "-c", f"setsid {sys.executable} -c 'import time; time.sleep(600)' &"])
        print("here", flush=True)
        time.sleep(600)
    """)
    )
    program = f"""
import sys, time
from app.stack.console import Console
from app.stack.fleet import Role
from app.stack.supervisor import Supervisor
roles = [Role("a", (sys.executable, {str(worker)!r}), "")]
mark = {{"MARK_OF_TEST": {str(tmp_path)!r}}}
with Console(sys.stdout, ["a"]) as console, Supervisor(roles, console, environment=mark):
    time.sleep(600)
"""
    outer = subprocess.Popen([sys.executable, "-u", "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with outer:
        assert outer.stdout is not None
        assert outer.stdout.readline() == "a | here\n"
        assert eventually(lambda: len(_of_test(tmp_path)) >= 3)
        outer.kill()
    assert eventually(lambda: not _of_test(tmp_path))


def _of_test(folder: Path) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("MARK_OF_TEST") == str(folder):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_a_terminal_that_takes_no_lines_does_not_stop_the_workers(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    script = "for number in range(30_000): print(number, 'x' * 50)\nimport time\ntime.sleep(600)"
    stuck = os.fdopen(writing, "w")
    console, log = Console(stuck, ["a"], folder=tmp_path), tmp_path / "a.log"
    with console:
        with Supervisor([role("a", script)], console, environment={}):
            assert eventually(lambda: log.exists() and "29999 " in log.read_text(), 30)
        os.close(reading)
    with contextlib.suppress(BrokenPipeError):
        stuck.close()


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (1000, 30)])
def test_pauses_grow_and_are_bounded(failures: int, seconds: float) -> None:
    assert pause_after(failures) == seconds


def test_endings_are_told_in_words() -> None:
    assert ending(3) == "ended with status 3"
    assert ending(-9) == "was killed by SIGKILL"
