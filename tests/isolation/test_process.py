"""A document's process dies of its document; the caller lives and says which limit it was."""

import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from app.isolation import AnswerGarbled, DocumentProcess, LimitHit, Limits, NotReady, ProcessDied, WorkRefused

ROOMY = Limits(seconds=30, silence=30, memory_mb=512)


class Watch:
    """Records progress; raises when told to."""

    def __init__(self) -> None:
        self.reported: list[tuple[int, int]] = []
        self.stop_after: float | None = None
        self.started = time.monotonic()

    def check(self) -> None:
        if self.stop_after is not None and time.monotonic() - self.started > self.stop_after:
            raise InterruptedError("cancelled")

    def progress(self, done: int, total: int) -> None:
        self.reported.append((done, total))


def test_calls_and_answers(process: DocumentProcess) -> None:
    """What a library prints does not get between the answers, and the process stays warm."""
    assert process.call("echo", {"text": "héllo\0"}, str, ROOMY, Watch()) == "héllo\0"
    pid = process.pid
    assert process.call("echo", {"text": "again"}, str, ROOMY, Watch()) == "again"
    assert process.pid == pid
    assert process.calls == 2


def test_large_arguments_arrive_whole(process: DocumentProcess) -> None:
    """Far more than a pipe holds."""
    assert process.call("size", {"data": b"x" * 50_000_000}, int, ROOMY, Watch()) == 50_000_000


def test_a_refusal_keeps_the_process(process: DocumentProcess) -> None:
    """An exception is an answer, with class, code, sentence and traceback."""
    with pytest.raises(WorkRefused) as caught:
        process.call("refuse", {}, str, ROOMY, Watch())
    refusal = caught.value.refusal
    assert (refusal.error_class, refusal.code, refusal.message) == ("permanent", "ValueError", "no such page")
    assert "raise ValueError" in refusal.traceback
    assert process.pid is not None


def test_a_process_that_cannot_start_says_why() -> None:
    """As with a model that is missing: it is not the document's doing, and the next call tries again."""
    process = DocumentProcess("tests.isolation.hostile", ["no", "such", "arguments"], memory_mb=512)
    for _ in range(2):
        with pytest.raises(NotReady, match=r"tests.isolation.hostile cannot start: TypeError"):
            process.call("echo", {"text": "?"}, str, ROOMY, Watch())
        assert process.pid is None


def test_time_is_limited_although_it_progresses(process: DocumentProcess) -> None:
    """The limit on the whole call."""
    watch = Watch()
    with pytest.raises(LimitHit, match=r"limit on time of 1 s was exceeded"):
        process.call("loop", {}, str, Limits(1, 30, 512), watch)
    assert len(watch.reported) > 1
    assert process.pid is None


def test_time_that_earlier_calls_have_spent_counts(process: DocumentProcess) -> None:
    with pytest.raises(LimitHit, match=r"limit on time of 60 s was exceeded \(it ran 60"):
        process.call("loop", {}, str, Limits(60, 30, 512, spent=59.5), Watch())


def test_silence_is_limited_even_in_c_code(process: DocumentProcess) -> None:
    """A thread inside the process could not see this: the hang holds the interpreter's lock."""
    process.call("echo", {"text": "warm"}, str, ROOMY, Watch())
    started = time.monotonic()
    with pytest.raises(LimitHit, match=r"limit on silence of 1 s was exceeded"):
        process.call("be_silent", {}, str, Limits(60, 1, 512), Watch())
    assert time.monotonic() - started < 5


def test_memory_is_limited(process: DocumentProcess) -> None:
    """The process is killed, and the row can say how much it took."""
    with pytest.raises(LimitHit, match=r"limit on memory of 200 MiB was exceeded \(\d+ MiB were used\)") as caught:
        process.call("allocate", {}, str, Limits(60, 60, 200), Watch())
    assert caught.value.evidence is not None
    assert caught.value.evidence.peak_memory_mb >= 200


def test_memory_asked_for_at_once_fails_inside(process: DocumentProcess) -> None:
    """What polling would see too late, the kernel refuses."""
    with pytest.raises(WorkRefused) as caught:
        process.call("allocate_at_once", {}, str, ROOMY, Watch())
    assert caught.value.refusal.code == "limit_memory"


@pytest.mark.parametrize(("name", "said"), [("crash", "SIGSEGV"), ("leave", "status 3")])
def test_a_crash_is_told_apart(process: DocumentProcess, name: str, said: str) -> None:
    """And the next call has a fresh process."""
    with pytest.raises(ProcessDied, match=said):
        process.call(name, {}, str, ROOMY, Watch())
    assert process.call("echo", {"text": "alive"}, str, ROOMY, Watch()) == "alive"


@pytest.mark.parametrize(("name", "arguments", "reply"), [("garble", {}, str), ("echo", {"text": "no number"}, int)])
def test_an_answer_that_cannot_be_read(
    process: DocumentProcess, name: str, arguments: dict[str, str], reply: type
) -> None:
    """No message, or a value of another type: the process is not to be trusted any more."""
    with pytest.raises(AnswerGarbled, match="cannot be read") as caught:
        process.call(name, arguments, reply, ROOMY, Watch())
    assert caught.value.evidence is not None
    assert process.pid is None
    assert process.call("echo", {"text": "alive"}, str, ROOMY, Watch()) == "alive"


def test_a_killed_process_is_told_apart(process: DocumentProcess) -> None:
    """As the kernel kills when memory is short."""
    process.start()
    assert process.pid is not None
    timer = threading.Timer(0.5, os.kill, (process.pid, signal.SIGKILL))
    timer.start()
    with pytest.raises(ProcessDied, match="SIGKILL"):
        process.call("be_silent", {}, str, ROOMY, Watch())
    timer.join()


def test_cancelling_kills_it_and_what_it_started(process: DocumentProcess, tmp_path: Path) -> None:
    """Within a second, grandchildren and all."""
    watch = Watch()
    watch.stop_after = 1.5
    pid_file = tmp_path / "pid"
    with pytest.raises(InterruptedError):
        process.call("fork_and_hang", {"pid_file": str(pid_file)}, str, ROOMY, watch)
    assert process.pid is None
    grandchild = int(pid_file.read_text())
    give_up = time.monotonic() + 2
    while psutil.pid_exists(grandchild) and psutil.Process(grandchild).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_evidence_of_a_crash(process: DocumentProcess, capfd: pytest.CaptureFixture[str]) -> None:
    """The last lines of this document alone, where it crashed, and what it used; our own log has all of it."""
    process.call("echo", {"text": "of another document"}, str, ROOMY, Watch())
    with pytest.raises(ProcessDied) as caught:
        process.call("complain_and_crash", {"lines": 200}, str, ROOMY, Watch())
    evidence = caught.value.evidence
    assert evidence is not None
    said = "\n".join(evidence.log)
    assert len(evidence.log) == 50
    assert "line 199" in said
    assert "last words" in said
    assert "Segmentation fault" in said
    assert "complain_and_crash" in said
    assert "another document" not in said
    assert "\0" not in said
    assert max(map(len, evidence.log)) <= 2000
    assert evidence.peak_memory_mb > 5
    assert 0 < evidence.seconds < 20
    logged = capfd.readouterr().err
    assert "of another document" in logged
    assert "line 0\n" in logged


def test_evidence_of_a_limit(process: DocumentProcess) -> None:
    """The memory that was seen."""
    with pytest.raises(LimitHit) as caught:
        process.call("allocate", {}, str, Limits(60, 60, 200), Watch())
    assert caught.value.evidence is not None
    row = caught.value.evidence.as_row()
    assert row["resources"]["peak_memory_mb"] >= 200
    assert row["log"] == []
