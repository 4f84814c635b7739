"""Nothing that a document starts gets away, and all of it counts against the document."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from app.isolation import CallFailed, DocumentProcess, LimitHit, Limits, ProcessDied, family

ROOMY = Limits(seconds=30, silence=30, memory_mb=512)
WATCH = SimpleNamespace(check=lambda: None, progress=lambda done, total: None)


def gone(pid: int) -> bool:
    """Whether a process ends within two seconds."""
    give_up = time.monotonic() + 2
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > give_up:
            return False
        time.sleep(0.01)
    return True


def everybody(process: DocumentProcess) -> list[int]:
    assert process.pid is not None
    return [process.pid, *family.members(process.pid)]


@pytest.mark.parametrize("then", ["do_nothing", "crash", "leave", "refuse", "fork_bomb"])
def test_an_orphan_goes_with_the_call_that_left_it(process: DocumentProcess, tmp_path: Path, then: str) -> None:
    """However the call ends. The orphan has a session of its own, init for a parent, and an empty environment."""
    file = tmp_path / "pid"
    limits = Limits(2, 30, 512)
    with suppress(CallFailed):
        process.call("leave_an_orphan", {"pid_file": str(file), "then": then}, object, limits, WATCH)
    orphan = int(file.read_text())
    assert gone(orphan)
    assert process.call("echo", {"text": "alive"}, str, ROOMY, WATCH) == "alive"


def test_an_orphan_goes_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    """Nobody is left to kill it but the warden; the folder for temporary files goes too."""
    file = tmp_path / "pid"
    program = textwrap.dedent(
        """
        import sys
        from types import SimpleNamespace
        from app.isolation import CallFailed, DocumentProcess, Limits
        process = DocumentProcess("tests.isolation.hostile", memory_mb=512)
        watch = SimpleNamespace(check=lambda: None, progress=lambda done, total: None)
        arguments = {"pid_file": sys.argv[1], "then": "be_silent"}
        process.call("leave_an_orphan", arguments, object, Limits(60, 60, 512), watch)
        """
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    worker = subprocess.Popen([sys.executable, "-c", program, str(file)], env=environment)
    give_up = time.monotonic() + 20
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < give_up
        time.sleep(0.02)
    started = family.members(worker.pid)
    assert len(started) >= 3  # warden, document process, orphan
    assert int(file.read_text()) in started
    worker.kill()
    worker.wait()
    assert all(gone(pid) for pid in started)
    time.sleep(0.1)
    assert [path.name for path in tmp_path.iterdir()] == ["pid"]


def test_forks_count_together(process: DocumentProcess) -> None:
    """Each takes less than the limit, all of them more."""
    with pytest.raises(LimitHit, match=r"limit on memory of 200 MiB was exceeded") as caught:
        process.call("fork_and_allocate", {"count": 4, "megabytes": 80}, object, Limits(30, 30, 200), WATCH)
    assert caught.value.exceeded.limit == "memory"
    assert 200 <= caught.value.exceeded.used <= 400
    assert caught.value.evidence is not None
    assert caught.value.evidence.peak_memory_mb >= 200


def test_what_forks_share_counts_once(process: DocumentProcess) -> None:
    """Five processes with 100 MiB in common hold 100, not 500."""
    held = process.call("fork_and_share", {"count": 4, "megabytes": 100}, int, Limits(30, 30, 200), WATCH)
    assert held == 100 * 1024**2


def test_a_fork_bomb_is_stopped(process: DocumentProcess) -> None:
    """It is bounded here too, at about 250 processes; all of them are gone afterwards."""
    process.call("echo", {"text": "warm"}, str, ROOMY, WATCH)
    assert process._scratch is not None
    mark = str(process._scratch.path)  # an argument of this process, and so of all its forks
    with pytest.raises(LimitHit, match=r"limit on processes of 64 processes was exceeded \(there were \d+\)"):
        process.call("fork_bomb", {"most": 256}, object, ROOMY, WATCH)
    assert [each.pid for each in psutil.process_iter(["cmdline"]) if mark in (each.info["cmdline"] or ())] == []


def test_a_stopped_warden_protects_nobody(process: DocumentProcess, tmp_path: Path) -> None:
    """The worker then does it itself."""
    process.call("echo", {"text": "warm"}, str, ROOMY, WATCH)
    pids = everybody(process)
    assert len(pids) == 2
    os.kill(pids[0], signal.SIGSTOP)
    started = time.monotonic()
    process.kill()
    assert time.monotonic() - started < 6
    assert all(gone(pid) for pid in pids)


def test_a_crash_leaves_no_core(process: DocumentProcess, tmp_path: Path) -> None:
    """It would be as large as the memory, for each try of each such document."""
    process.call("echo", {"text": "warm"}, str, ROOMY, WATCH)
    document = everybody(process)[1]
    assert resource.prlimit(document, resource.RLIMIT_CORE) == (0, 0)


def test_the_peak_of_a_sudden_death(process: DocumentProcess) -> None:
    """It held the memory for a moment only, between two looks; and what an earlier document held is not counted."""
    process.call("answer", {"megabytes": 100}, str, ROOMY, WATCH)
    with pytest.raises(ProcessDied, match="SIGKILL") as caught:
        process.call("allocate_and_die", {"megabytes": 90}, object, ROOMY, WATCH)
    assert caught.value.evidence is not None
    assert 90 <= caught.value.evidence.peak_memory_mb < 170  # the first one held 200


def test_the_peak_of_a_refusal(process: DocumentProcess) -> None:
    """The process lives, and is asked."""
    process.call("answer", {"megabytes": 100}, str, ROOMY, WATCH)
    with pytest.raises(Exception, match="no such page") as caught:
        process.call("refuse", {}, object, ROOMY, WATCH)
    assert 5 < caught.value.evidence.peak_memory_mb < 90  # type: ignore[attr-defined]
