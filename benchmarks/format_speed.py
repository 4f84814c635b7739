"""How fast each format is read, beside the fastest other program that reads it."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.format_rivals import Read, rivals
from benchmarks.parsing import Outcome, Parser

RUNS = 3
MOST_SECONDS = 120.0
"""For all others together; files that are left then are measured without them."""


@dataclass(slots=True)
class _Kind:
    """Of one type: our best runs, and for each other program its seconds and ours on the files that it read."""

    ours: list[Outcome] = field(default_factory=list)
    others: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))


def speed_rows(files: Sequence[Path], warm: Parser) -> list[list[str]]:
    """A table: the best of a few runs of each file, all programs in turn, by the type that it turned out to be."""
    kinds: dict[str, _Kind] = defaultdict(_Kind)
    readers = rivals()
    spent = 0.0
    for path in files:
        best = warm.parse(path)
        if best.parsed is None:
            continue
        others = readers.get(best.parsed.media_type, {}) if spent < MOST_SECONDS else {}
        seconds = dict.fromkeys(others, float("inf"))
        for _ in range(RUNS):
            best = min(best, warm.parse(path), key=lambda one: one.seconds)
            for name, read in others.items():
                taken = _timed(read, path)
                spent += 0.0 if taken == float("inf") else taken
                seconds[name] = min(seconds[name], taken)
        kind = kinds[best.parsed.media_type if best.parsed is not None else ""]
        kind.ours.append(best)
        for name, taken in seconds.items():
            if taken < float("inf"):
                kind.others[name].append((taken, best.seconds))
    head = ["type", "files", "MB", "pages", "seconds", "pages/s", "MB/s", "peak MiB", "fastest other"]
    return [head, *[_row(name, kind) for name, kind in sorted(kinds.items())]]


def _timed(read: Read, path: Path) -> float:
    """Seconds; infinite for a file that the program fails on."""
    started = time.perf_counter()
    try:
        read(path)
    except Exception:  # noqa: BLE001 - theirs, whatever it is
        return float("inf")
    return time.perf_counter() - started


def _row(name: str, kind: _Kind) -> list[str]:
    pages = sum(one.parsed.page_count for one in kind.ours if one.parsed is not None)
    seconds = sum(one.seconds for one in kind.ours)
    size = sum(one.path.stat().st_size for one in kind.ours) / 1e6
    peak = max(one.peak_mib for one in kind.ours)
    numbers = [f"{size:.2f}", str(pages), f"{seconds:.3f}", f"{pages / seconds:.0f}", f"{size / seconds:.1f}"]
    return [name, str(len(kind.ours)), *numbers, f"{peak:.0f}", _fastest(kind)]


def _fastest(kind: _Kind) -> str:
    """The other program whose time is the least share of ours on the files that it read."""
    shares = {
        other: sum(theirs for theirs, _ in pairs) / sum(ours for _, ours in pairs)
        for other, pairs in kind.others.items()
    }
    if not shares:
        return "-"
    other = min(shares, key=lambda name: shares[name])
    return f"{other}: {shares[other]:.2f} of our time ({len(kind.others[other])} files)"
