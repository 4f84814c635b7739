"""Measurements as plain text or JSON: ratios first, since absolute numbers are of one machine only."""

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

from benchmarks.machine import machine

Measured = Mapping[str, float]
"""One side in one round: numbers by name."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """One side's number over another's, round by round."""

    what: str
    values: tuple[float, ...]

    @property
    def line(self) -> str:
        """The median, with the lowest and highest round."""
        spread = f"({min(self.values):.2f} to {max(self.values):.2f})" if len(self.values) > 1 else ""
        return f"  {self.what:<66} {median(self.values):5.2f}  {spread}".rstrip()


@dataclass(slots=True)
class Report:
    """What one call has measured."""

    title: str
    facts: dict[str, str] = field(default_factory=dict)
    """What the reader needs beside the machine: corpus, seed, broker."""
    rounds: dict[str, list[Measured]] = field(default_factory=dict)
    """By side, then by round."""
    ratios: list[Ratio] = field(default_factory=list)

    def add(self, side: str, measured: Measured) -> None:
        """Note one side of one round, and say so: rounds take minutes."""
        self.rounds.setdefault(side, []).append(measured)
        seen = "  ".join(f"{name} {_number(value)}" for name, value in measured.items())
        print(f"[round {len(self.rounds[side])}] {side}: {seen}", file=sys.stderr, flush=True)

    def compare(self, what: str, name: str, side: str, base: str) -> None:
        """Add the ratio of `side` to `base` in the number called `name`, if both were measured."""
        pairs = zip(self.rounds.get(side, ()), self.rounds.get(base, ()), strict=False)
        values = tuple(one[name] / other[name] for one, other in pairs if other.get(name) and name in one)
        if values:
            self.ratios.append(Ratio(what, values))

    def show(self, *, as_json: bool) -> None:
        """Print it."""
        print(self._json() if as_json else self._text())

    def _json(self) -> str:
        ratios = [{"what": ratio.what, "median": median(ratio.values), "rounds": ratio.values} for ratio in self.ratios]
        values = {**asdict(self), "ratios": ratios, "command": _command(), "machine": machine()}
        return json.dumps(values, indent=2, ensure_ascii=False)

    def _text(self) -> str:
        facts = [f"  {name:<10} {value}" for name, value in {"command": _command(), **machine(), **self.facts}.items()]
        head = ["", "ratios: median of the rounds (lowest to highest)"] if self.ratios else []
        lines = [ratio.line for ratio in self.ratios]
        return "\n".join([self.title, *facts, *head, *lines, "", "median of the rounds", *_table(self.rounds)])


def _command() -> str:
    return f"python -m benchmarks {shlex.join(sys.argv[1:])}"


def _table(rounds: Mapping[str, Sequence[Measured]]) -> list[str]:
    names = list(dict.fromkeys(name for side in rounds.values() for measured in side for name in measured))
    rows = [["", *names]]
    for side, measurements in rounds.items():
        rows.append([side, *(_median([each[name] for each in measurements if name in each]) for name in names)])
    widths = [max(len(row[place]) for row in rows) for place in range(len(names) + 1)]
    return ["  " + "  ".join(_aligned(row, widths)).rstrip() for row in rows]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]


def _median(values: Sequence[float]) -> str:
    return _number(median(values)) if values else "-"


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value)}"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}"


def turns(names: list[str], number: int) -> list[str]:
    """The order of a round: another begins each time, so that none always runs on the warmest machine."""
    place = number % len(names)
    return names[place:] + names[:place]
