"""What a document writes is bounded, and does not stay."""

import os
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.isolation import DocumentProcess, LimitHit, Limits, WorkRefused, scratch
from app.isolation.evidence import PASSED_ON_BYTES, REST_DROPPED
from app.isolation.scratch import Scratch, sweep

ROOMY = Limits(seconds=60, silence=30, memory_mb=512)
WATCH = SimpleNamespace(check=lambda: None, progress=lambda done, total: None)


def test_temporary_files_go_with_the_call(process: DocumentProcess) -> None:
    """The process stays, and so does its folder; at its end that goes too."""
    folder = Path(process.call("scatter", {"count": 3, "megabytes": 1}, str, ROOMY, WATCH))
    pid = process.pid
    assert folder != Path(tempfile.gettempdir())
    assert list(folder.iterdir()) == []
    assert process.call("scatter", {"count": 1, "megabytes": 1}, str, ROOMY, WATCH) == str(folder)
    assert process.pid == pid
    process.kill()
    assert not folder.exists()


def test_each_process_has_its_own(process: DocumentProcess) -> None:
    other = DocumentProcess("tests.isolation.hostile", memory_mb=512)
    try:
        folders = {each.call("scatter", {"count": 0, "megabytes": 0}, str, ROOMY, WATCH) for each in (process, other)}
    finally:
        other.kill()
    assert len(folders) == 2


def test_many_files_are_limited(process: DocumentProcess) -> None:
    """Before they fill the disk: none is too large by itself."""
    process.call("echo", {"text": "warm"}, str, ROOMY, WATCH)
    folder = process._scratch
    assert folder is not None
    with pytest.raises(LimitHit, match=r"limit on temporary files of 64 MiB was exceeded"):
        process.call("scatter", {"count": 1000, "megabytes": 2}, str, Limits(60, 30, 64), WATCH)
    assert not folder.path.exists()


def test_one_file_is_limited_by_the_kernel() -> None:
    process = DocumentProcess("tests.isolation.hostile", memory_mb=64)
    try:
        with pytest.raises(WorkRefused, match="File too large"):
            process.call("scatter", {"count": 1, "megabytes": 65}, str, ROOMY, WATCH)
    finally:
        process.kill()


def test_a_text_without_end_never_reaches_the_worker(process: DocumentProcess) -> None:
    """10 GB, of which the first bytes are enough."""
    with pytest.raises(LimitHit, match=r"limit on the answer of 512 MiB was exceeded \(10240 MiB were used\)"):
        process.call("stream", {"gigabytes": 10}, str, ROOMY, WATCH)


def test_chatter_does_not_fill_the_log(process: DocumentProcess, capfd: pytest.CaptureFixture[str]) -> None:
    """The next document may speak again."""
    process.call("chatter", {"megabytes": 200}, object, ROOMY, WATCH)
    time.sleep(0.2)
    said = capfd.readouterr().err.encode()
    assert said.count(REST_DROPPED) == 1
    assert len(said) < PASSED_ON_BYTES + 200_000
    process.call("echo", {"text": "good morning"}, str, ROOMY, WATCH)
    time.sleep(0.2)
    assert "good morning" in capfd.readouterr().err


def test_a_folder_of_nobody_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is lived in stays, however old, and so does what is not ours."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lived_in, left = Scratch(), Scratch()
    (left.path / "deep").mkdir()
    os.close(left.lock)
    (tmp_path / "other").mkdir()
    fresh = Scratch()
    os.close(fresh.lock)
    for path in (lived_in.path, left.path, tmp_path / "other"):
        os.utime(path, (0, 0))
    sweep(tmp_path)
    assert set(tmp_path.iterdir()) == {lived_in.path, fresh.path, tmp_path / "other"}
    os.close(lived_in.lock)


def test_what_a_killed_worker_has_left_is_found_by_another_that_runs_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the other one started, the folder was too young, or not there yet."""
    monkeypatch.setattr(scratch, "SETTLED_SECONDS", 0.2)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    scratch._sweep_from_now_on.cache_clear()
    living = Scratch()
    left = tmp_path / f"{scratch.PREFIX}left"
    left.mkdir()
    give_up = time.monotonic() + 20
    while left.exists() and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not left.exists()
    assert living.path.exists()
    os.close(living.lock)
