"""`python -m benchmarks fuzz`: mutated files through document processes, and what became of them."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Lock

import click

from app.isolation import CallFailed, DocumentProcess, LimitHit, Limits, ProcessDied, WorkRefused
from benchmarks.fuzzing.cases import Case, Seed, case, seeds
from benchmarks.parsing import MODULE, PARSE
from pipelines.documents import ParsedDocument

CALLS_PER_PROCESS = 200
"""As in the service: what one document leaves behind in its process is found by the next."""

UNCLASSIFIED = frozenset({"unexpected", "parser_failed"})
TOLD_SECONDS = 30.0
SHOWN = 40


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much: so many files or so many seconds, whichever comes first."""

    folder: Path
    files: int = 20_000
    seconds: float = 1800.0
    seed: int = 0
    parallel: int = 2
    largest: int = 100_000
    patience: float = 20.0
    keep: Path | None = None
    only: int | None = None


@dataclass(slots=True)
class Found:
    """What became of the files; ``bad`` are sentences about those that a parser may not do this to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    sentences: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    lock: Lock = field(default_factory=Lock)


class _Nobody:
    def check(self) -> None:
        """Never stop."""

    def progress(self, done: int, total: int) -> None:
        """Tell nobody."""


def run(wanted: Wanted) -> bool:
    """Try the cases and print what became of them; whether none hung, died or ended without a class."""
    found, whole = Found(), seeds(wanted.folder, wanted.largest)
    started = time.monotonic()
    numbers = iter([wanted.only]) if wanted.only is not None else iter(range(wanted.files))
    cases = _Cases(numbers, wanted, whole, started + wanted.seconds)
    with ThreadPoolExecutor(wanted.parallel) as pool:
        for done in [pool.submit(_work, cases, wanted, found) for _ in range(wanted.parallel)]:
            done.result()
    _show(found, wanted, len(whole), time.monotonic() - started)
    return not found.bad


class _Cases:
    """Hands out one case after another to several threads, until there are no more or the time is over."""

    def __init__(self, numbers: Iterator[int], wanted: Wanted, whole: list[Seed], until: float) -> None:
        self._numbers, self._wanted, self._whole, self._until = numbers, wanted, whole, until
        self._lock = Lock()

    def __iter__(self) -> Iterator[Case]:
        while time.monotonic() < self._until:
            with self._lock:
                number = next(self._numbers, None)
            if number is None:
                return
            yield case(number, self._wanted.seed, self._whole)


def _work(cases: _Cases, wanted: Wanted, found: Found) -> None:
    limits = Limits(wanted.patience, wanted.patience, PARSE.memory_mb)
    process = DocumentProcess(MODULE, memory_mb=PARSE.memory_mb)
    told = time.monotonic()
    try:
        for done in count(1):
            each = next(iter(cases), None)
            if each is None:
                return
            _try(process, each, limits, wanted, found)
            if process.calls >= CALLS_PER_PROCESS:
                process.kill()
            if time.monotonic() > told + TOLD_SECONDS:
                told = time.monotonic()
                click.echo(f"{found.outcomes.total()} files, {len(found.bad)} bad ({done} here)", err=True)
    finally:
        process.kill()


def _try(process: DocumentProcess, each: Case, limits: Limits, wanted: Wanted, found: Found) -> None:
    arguments = {"data": each.data, "name": each.name, "engine": "default"}
    started = time.monotonic()
    outcome = sentence = bad = ""
    limit = ""
    try:
        parsed = process.call("parse", arguments, ParsedDocument, limits, _Nobody())
        outcome = "text" if parsed.has_text else "no text"
    except WorkRefused as error:
        outcome, sentence = error.refusal.code, error.refusal.message
        bad = f"no class: {sentence}" if outcome in UNCLASSIFIED else "" if sentence.strip() else "no sentence"
    except LimitHit as error:
        outcome = f"limit on {error.exceeded.limit}"
        limit = str(error)
        bad = f"hung: {error}" if error.exceeded.unit == "s" else ""
    except ProcessDied as error:
        outcome, bad = "died", f"died: {error}"
    except CallFailed as error:
        outcome, bad = "failed", f"failed: {error}"
    taken = time.monotonic() - started
    with found.lock:
        found.outcomes[outcome] += 1
        if sentence:
            found.sentences[sentence[:60]] += 1
        found.slowest = max(found.slowest, (taken, f"case {each.number} ({each.name})"))
        if bad:
            found.bad.append(f"case {each.number} ({each.name}): {bad}")
        elif limit:
            found.limits.append(f"case {each.number} ({each.name}): {limit}")
    if (bad or limit) and wanted.keep is not None:
        wanted.keep.mkdir(parents=True, exist_ok=True)
        (wanted.keep / f"{wanted.seed}-{each.number}-{each.name}").write_bytes(each.data)


def _show(found: Found, wanted: Wanted, whole: int, seconds: float) -> None:
    total = found.outcomes.total()
    speed = total / max(seconds, 1)
    click.echo(f"{total} mutated files of {whole} seeds in {seconds:.0f} s, {speed:.0f}/s; seed {wanted.seed}")
    for outcome, number in found.outcomes.most_common():
        click.echo(f"  {number:7}  {outcome}")
    click.echo(f"slowest: {found.slowest[0]:.1f} s, {found.slowest[1]}")
    click.echo(f"sentences: {len(found.sentences)} kinds; the most frequent:")
    for sentence, number in found.sentences.most_common(10):
        click.echo(f"  {number:7}  {sentence}")
    for title, lines in (
        ("stopped by a limit on size", found.limits),
        ("hangs, deaths, errors without a class", found.bad),
    ):
        click.echo(f"{title}: {len(lines) or 'none'}")
        for line in lines[:SHOWN]:
            click.echo(f"  {line}")
