"""`python -m benchmarks quality`: the table, and whether the targets are met."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass
from itertools import groupby
from pathlib import Path
from statistics import mean

from benchmarks.quality.readers import OURS, readers
from benchmarks.quality.truth import Pair, pairs
from benchmarks.quality.words import JUDGED, SHOWN, Score, missing, score, words

MOST_BELOW = 0.02
"""How far recall or precision of a single file may be below the best of the others."""
DIGITS = 4
"""Means are compared in hundredths of a percent: what is closer is equal."""


@dataclass(frozen=True, slots=True)
class Row:
    """One file: each reader's score, or why it gave none."""

    file: str
    folder: str
    independent: bool
    scores: dict[str, Score]
    failures: dict[str, str]


def run(folder: Path, *, glob: str = "*", every_line: bool = False, show_words: int = 0, as_json: bool = False) -> bool:
    """Read every PDF that has a true text by every program, print the table; whether the targets are met.

    Raises:
        Missing: a program to compare with is not installed.
        FileNotFoundError: the folder has no PDF with a true text.
    """
    rows = [
        _measured(pair, folder, show_words, every_line=every_line) for pair in pairs(folder) if pair.pdf.match(glob)
    ]
    if not rows:
        raise FileNotFoundError(f"{folder} has no X.pdf with X.truth.txt or X.truth.md, and no X.odt.pdf with X.odt")
    misses = list(_misses(rows))
    if as_json:
        print(json.dumps({"files": [asdict(row) for row in rows], "misses": misses}, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_table(rows)))
        print("\n".join(misses) or "Targets met: each mean is at least the best other's, no file is 2 points below it.")
    return not misses


def _measured(pair: Pair, folder: Path, show_words: int, *, every_line: bool) -> Row:
    truth = words(pair.truth)
    scores: dict[str, Score] = {}
    failures: dict[str, str] = {}
    for name, read in readers(every_line=every_line).items():
        try:
            found = read(pair.pdf)
        except Exception as error:  # noqa: BLE001 - whatever a program makes of a file is its result
            failures[name], found = f"{type(error).__name__}: {error}", []
        scores[name] = score(truth, found)
        if show_words:
            lost, added = missing(truth, words("\n".join(found)), show_words)
            print(f"{pair.pdf.name} {name}\n  lost  {lost}\n  added {added}", file=sys.stderr)
    return Row(str(pair.pdf.relative_to(folder)), pair.pdf.parent.name, pair.independent, scores, failures)


def _misses(rows: Iterable[Row]) -> Iterable[str]:
    """A sentence for each target that is missed; only independent truth may judge."""
    judged = [row for row in rows if row.independent]
    for folder, group in groupby(judged, key=lambda row: row.folder):
        means = _means(list(group))
        for what in JUDGED:
            ours, (best, rival) = _of(means, OURS, what), _best(means, what)
            if round(ours, DIGITS) < round(best, DIGITS):
                yield f"MISSED: mean {what} in {folder}: {ours:.2%}, {rival} has {best:.2%}."
    for row in judged:
        for what in JUDGED:
            ours, (best, rival) = _of(row.scores, OURS, what), _best(row.scores, what)
            if ours < best - MOST_BELOW:
                yield f"MISSED: {what} of {row.file}: {ours:.2%}, {rival} has {best:.2%}."


def _means(rows: list[Row]) -> dict[str, Score]:
    return {
        name: Score(*(mean(values) for values in zip(*(astuple(row.scores[name]) for row in rows), strict=True)))
        for name in rows[0].scores
    }


def _of(scores: Mapping[str, Score], name: str, what: str) -> float:
    return float(getattr(scores[name], what))


def _best(scores: Mapping[str, Score], what: str) -> tuple[float, str]:
    return max((_of(scores, name, what), name) for name in scores if name != OURS)


def _table(rows: list[Row]) -> Iterable[str]:
    names = list(rows[0].scores)
    width = max(len(row.file) for row in rows) + 1
    yield "word recall, precision, and neighbours kept, in %; gap: ours less the best of the others"
    yield " " * width + "".join(f"{name:>20} " for name in (*names, "gap"))
    for folder, group in groupby(rows, key=lambda row: row.folder):
        listed = list(group)
        for row in listed:
            mark = " " if row.independent else "*"
            yield f"{row.file:<{width}}" + _cells(row.scores) + mark
            yield from (f"    {name} failed: {why}" for name, why in row.failures.items())
        means = _means(listed)
        yield f"{'mean of ' + folder:<{width}}" + _cells(means)
        inside = "".join(f"{100 * each.inside:7.2f}".ljust(21) for each in means.values())
        yield f"{'    without lines that repeat at page edges':<{width}}{inside}{100 * _gap(means, 'inside'):+7.2f}"
    yield "* another reader's output is the truth: shown, not judged"
    worst = min((_gap(row.scores, what), what, row.file) for row in rows for what in JUDGED)
    yield f"worst gap: {100 * worst[0]:+.2f} points of {worst[1]} in {worst[2]}"


def _gap(scores: Mapping[str, Score], what: str) -> float:
    return _of(scores, OURS, what) - _best(scores, what)[0]


def _cells(scores: Mapping[str, Score]) -> str:
    shown = ["".join(f"{100 * getattr(each, what):7.2f}" for what in SHOWN) for each in scores.values()]
    gaps = "".join(f"{100 * _gap(scores, what):+7.2f}" for what in SHOWN)
    return "".join(text.rjust(21) for text in (*shown, gaps))
