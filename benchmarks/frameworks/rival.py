"""One framework as a process of its own environment: started, waited for, timed from outside, ended."""

import json
import os
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import IO, Any

from benchmarks.cpu import used
from benchmarks.frameworks.task import Task
from benchmarks.service import TooSlow

ROOT = Path(__file__).resolve().parent.parent.parent
QUIET = {
    "HF_HUB_OFFLINE": "1",
    # Nothing that is measured here is told to anybody.
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "COCOINDEX_DISABLE_USAGE_TRACKING": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "LANGSMITH_TRACING": "false",
    "DO_NOT_TRACK": "1",
}


class Failed(Exception):  # noqa: N818
    """A framework's process ended without an answer; has its last words."""


def run(command: Sequence[str], task: Task, seconds: float) -> dict[str, Any]:
    """Let it do the task; what it says and what it took, imports and loading the model apart.

    The clock is ours, from the word to the answer; CPU seconds are those of its whole process tree and of Postgres.

    Raises:
        Failed: it ended without an answer.
        TooSlow: the same, and the time was over.
    """
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as trouble:
        process = subprocess.Popen(
            [*command, task.dump()],
            cwd=ROOT,
            env={**os.environ, **QUIET},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=trouble,
            text=True,
        )
        limit = threading.Timer(seconds, process.kill)
        started = monotonic()
        limit.start()
        with process:
            try:
                return _timed(process)
            except (ValueError, OSError):
                if monotonic() - started >= seconds:
                    raise TooSlow(f"{command[-1]} took more than {seconds:g} s") from None
                raise Failed(f"{command[-1]} ended without an answer:\n{_last(trouble)}") from None
            finally:
                limit.cancel()
                process.kill()
                for pipe in (process.stdin, process.stdout):
                    with suppress(OSError):  # what it no longer reads
                        pipe.close()  # type: ignore[union-attr]


def _timed(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    loading = monotonic()
    _answer(process.stdout)
    before, started = used([process.pid]), monotonic()
    _say(process.stdin)
    done = _answer(process.stdout)
    seconds, cpu = monotonic() - started, used([process.pid]).since(before)
    _say(process.stdin)
    return {
        "all s": seconds,
        "CPU s": cpu.service,
        "Postgres": cpu.postgres,
        "with servers": cpu.service + cpu.postgres,
        **done,
        **_answer(process.stdout),
        "start s": started - loading,
        "start CPU s": before.service,
    }


def _say(pipe: IO[str]) -> None:
    pipe.write("go\n")
    pipe.flush()


def _answer(pipe: IO[str]) -> dict[str, Any]:
    for line in pipe:
        if line.startswith("{"):  # libraries print, some of them as they are imported
            found: dict[str, Any] = json.loads(line)
            return found
    raise ValueError("no answer")


def _last(trouble: IO[str]) -> str:
    trouble.seek(0)
    return trouble.read()[-2000:].strip()
