"""One document after another in a document process, with what each one cost and came to."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.isolation import CallFailed, DocumentProcess, Limits, NotReady, WorkRefused, family
from benchmarks.beside import Beside
from pipelines import PIPELINES
from pipelines.documents import ParsedDocument

PARSE = next(spec for spec in PIPELINES["index"] if spec.name == "parse")
MODULE = "tasks.isolated.parse"
MIB = 1024 * 1024
LOOK_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file: ``parsed``, or the class of the error, its code and its sentence."""

    path: Path
    seconds: float
    peak_mib: float
    parsed: ParsedDocument | None = None
    error_class: str = ""
    code: str = ""
    sentence: str = ""

    @property
    def state(self) -> str:
        """As a job would end."""
        if self.parsed is None:
            return "quarantined" if self.error_class == "poison" else "failed"
        return "succeeded" if self.parsed.has_text else "no_text"


class _Nobody:
    def check(self) -> None:
        """Never stop."""

    def progress(self, done: int, total: int) -> None:
        """Tell nobody."""


class Parser:
    """Parses files in a process that may die, and is replaced then."""

    def __init__(self, process: DocumentProcess) -> None:
        self._process = process
        self._limits = Limits(PARSE.seconds, PARSE.silence, PARSE.memory_mb)

    def parse(self, path: Path) -> Outcome:
        """Parse a file under the limits of the service."""
        data = path.read_bytes()
        self._process.start()
        arguments = {"data": data, "name": path.name, "engine": "default"}
        started = time.perf_counter()
        with _Peak(self._process) as peak:
            try:
                parsed = self._process.call("parse", arguments, ParsedDocument, self._limits, _Nobody())
            except WorkRefused as error:
                refusal = error.refusal
                taken, held = time.perf_counter() - started, max(peak.mib, refusal.peak / MIB)
                return Outcome(path, taken, held, None, refusal.error_class, refusal.code, refusal.message)
            except (CallFailed, NotReady) as error:
                evidence = getattr(error, "evidence", None)
                held = evidence.peak_memory_mb if evidence is not None else 0.0
                return Outcome(path, time.perf_counter() - started, held, None, "poison", "killed", str(error))
            taken = time.perf_counter() - started
        return Outcome(path, taken, peak.mib, parsed)


class _Peak(Beside):
    """The most memory that a process and those it started were seen to hold: they forget theirs after each call."""

    def __init__(self, process: DocumentProcess) -> None:
        super().__init__()
        self.mib = 0.0
        self._pid = process.pid

    def run(self) -> None:
        """Look once at least."""
        while True:
            pids = [] if self._pid is None else [self._pid, *family.members(self._pid)]
            self.mib = max(self.mib, *map(_high_water, pids), 0.0)
            if self.over.wait(LOOK_SECONDS):
                return


def _high_water(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0.0


@contextmanager
def parser() -> Iterator[Parser]:
    """A parser with a process of its own, which ends with it."""
    process = DocumentProcess(MODULE, memory_mb=PARSE.memory_mb)
    try:
        yield Parser(process)
    finally:
        process.kill()
