"""One run: the documents without faults, then again with faults, then the verdict."""

import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos import reference
from chaos.documents import Document
from chaos.faults import Fault, possible, schedule
from chaos.inject import Injection, inject
from chaos.judge import judge, strays_after
from chaos.load import Load
from chaos.outcome import Outcome, Wanted
from chaos.receiver import Receiver
from chaos.report import summary
from chaos.setup import keep_state, target
from chaos.target import NotInjected, Target

CALM_SECONDS = 1.0
"""For each document of the run without faults, beyond the patience."""

TRIES = 3
"""A fault of which nothing was seen is injected again, alone: the one beside it may have hidden it."""


def run(wanted: Wanted, *, home: Path | None = None) -> Outcome:
    """Run it; logs of all processes are in `home`, or in a temporary folder that is removed if all was well.

    Raises:
        ServerError: the service does not come up.
        NotPossible: this machine does not allow what was not left out.
    """
    if home is not None:
        return _run(wanted, home)
    folder = Path(tempfile.mkdtemp(prefix="docrelay-chaos-"))
    folder.chmod(0o711)  # Postgres runs as another user if we are root
    good = False
    try:
        outcome = _run(wanted, folder)
        good = outcome.good
    finally:
        if good:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            _say(f"left of it in {folder}: all logs, and if it came so far, faults.log, summary.md and state.sql")
    return outcome


def _run(wanted: Wanted, home: Path) -> Outcome:
    outcome = Outcome(wanted)
    dice = random.Random(wanted.seed)
    made = wanted.load()
    rabbitmq = wanted.broker == "rabbitmq"
    with Receiver() as receiver:
        load = Load(made, receiver=receiver.url)
        with (
            target(
                home, broker=wanted.broker, timing=wanted.timing, load=load, dice=dice, without=wanted.without
            ) as broken,
            _state_kept(broken, outcome, home),
        ):
            outcome.calm_seconds = _calm(broken, made, receiver, wanted.patience + CALM_SECONDS * len(made))
            _say(f"{len(made)} documents without faults: {outcome.calm_seconds:.0f} s")
            begun = time.monotonic()
            load.begin(broken.stack.database_url, broken.objects.as_uri())
            faults = possible(rabbitmq=rabbitmq, only=wanted.only, without=wanted.without)
            groups = schedule(wanted.faults, dice, faults, overlap=wanted.overlap)
            _inject_all(broken, groups, outcome, home / "faults.log")
            patience = max(wanted.patience, 3 * outcome.calm_seconds)
            outcome.all_submitted = load.finish(patience)
            _drain(broken, patience)
            outcome.seconds = time.monotonic() - begun
            outcome.verdict = judge(broken, receiver)
            outcome.accepted, outcome.refused, outcome.spare = len(load.accepted), load.refused, load.spare
        outcome.verdict.left_behind += strays_after(broken)
    (home / "summary.md").write_text(summary(outcome) + "\n")
    return outcome


@contextmanager
def _state_kept(broken: Target, outcome: Outcome, home: Path) -> Iterator[None]:
    """Keep the database's rows when the run was not good, or the harness itself broke."""
    try:
        yield
    except BaseException:
        keep_state(broken, home)
        raise
    if not outcome.good:
        keep_state(broken, home)


def _calm(target: Target, made: list[Document], receiver: Receiver, patience: float) -> float:
    """Run the documents without faults and keep what was made of them; how long it took."""
    begun = time.monotonic()
    load = Load(made, receiver=receiver.url)
    load.begin(target.stack.database_url, target.objects.as_uri())
    if not load.finish(patience) or not _drain(target, patience):
        raise NotInjected(f"BROKEN never ended, without any fault: after {patience:g} s")
    seconds = time.monotonic() - begun
    with target.admin() as connection:
        reference.keep(connection)
    for folder in target.objects.iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
    receiver.told.clear()
    return seconds


def _drain(target: Target, seconds: float) -> bool:
    """Wait until no stage is open; whether that came."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if not target.rows("select 1 from stage_runs where status in ('waiting', 'ready', 'running') limit 1"):
            return True
        time.sleep(0.2)
    return False


def _inject_all(broken: Target, groups: list[list[Fault]], outcome: Outcome, log: Path) -> None:
    """Inject all groups, one after another, while documents are submitted all the time."""
    for number, group in enumerate(groups):
        # The last group must still find some; one more is submitted whenever the service has nothing to do.
        broken.load.allow(max(1, broken.load.left // (len(groups) - number) - 1))
        dice = random.Random(f"{outcome.wanted.seed} {number}")  # whatever came before, the same for the same seed
        done = [_until_seen(broken, each, outcome, dice) for each in inject(broken, group, dice)]
        outcome.injections += done
        for each in done:
            line = f"[{len(outcome.injections)}/{outcome.wanted.faults}] {_line(each)}"
            _say(line)
            with log.open("a") as file:
                print(f"{time.strftime('%H:%M:%S')} {broken.load.left} left {line}", file=file)


def _until_seen(broken: Target, each: Injection, outcome: Outcome, dice: random.Random) -> Injection:
    for _ in range(TRIES - 1):
        if each.happened:
            break
        _say(f"once more, since nothing was seen of it: {_line(each)}")
        outcome.unseen.append(each)
        (each,) = inject(broken, [each.fault], dice)
    return each


def _line(each: Injection) -> str:
    moved = "NOT MOVED" if each.moved_seconds is None else f"moved after {each.moved_seconds:.1f} s"
    seen = each.evidence if each.happened else f"NOT INJECTED: {each.evidence}"
    together = f" (together with: {each.together})" if each.together else ""
    return f"{each.fault.name}{together}: {seen}; {len(each.jobs)} in flight, {moved}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
