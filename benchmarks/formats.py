"""Every format: does the text hold the words that others find, how fast, and what becomes of hostile files."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.converters import check, converted
from benchmarks.format_speed import RUNS, speed_rows
from benchmarks.machine import machine
from benchmarks.parsing import Outcome, Parser, parser

_WORD = re.compile(r"\w+")
_BAD = "_bad"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The folder, and of how many files at most."""

    folder: Path
    most: int = 2_000


def run(wanted: Wanted) -> bool:
    """Print coverage and speed of files, and for those in folders named …_bad what became of them; whether all is well.

    Raises NoConverter when a program to compare with is missing.
    """
    files = sorted(path for path in wanted.folder.rglob("*") if path.is_file())[: wanted.most]
    bad = [path for path in files if any(part.endswith(_BAD) for part in path.parts)]
    good = [path for path in files if path not in set(bad)]
    for name, value in machine().items():
        click.echo(f"{name:<8} {value}")
    with parser() as warm:
        if good:
            _show_coverage(good, warm)
        return _show_safety(bad, warm) if bad else True


def words(text: str) -> Counter[str]:
    """The words of a text and how often each occurs, whatever their case and form."""
    return Counter(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def recall(found: str, truth: str) -> float:
    """The share of the truth's words that were found."""
    there, wanted = words(found), words(truth)
    return (there & wanted).total() / wanted.total() if wanted else 1.0


def _show_coverage(files: list[Path], warm: Parser) -> None:
    check()
    truths = converted(files)
    outcomes = [warm.parse(path) for path in files]
    rows = [["file", "state", "pages", "words", "recall", "of the words by", "what it said"]]
    for one in outcomes:
        converter, truth = truths.get(one.path, ("-", ""))
        share = f"{100 * recall(_text(one), truth):.1f}" if truth and one.parsed is not None else "-"
        pages = str(one.parsed.page_count) if one.parsed is not None else "-"
        rows.append([_short(one.path), one.state, pages, str(words(_text(one)).total()), share, converter, _said(one)])
    _print("Coverage: words found, in percent of those that another program finds", rows)
    _print(f"Speed: in the document process, best of {RUNS} runs", speed_rows(files, warm))


def _show_safety(files: list[Path], warm: Parser) -> bool:
    outcomes = [warm.parse(path) for path in files]
    rows = [["file", "state", "class", "seconds", "peak MiB", "what it said"]]
    for one in outcomes:
        kind = f"{one.error_class} {one.code}".strip() or "-"
        rows.append([_short(one.path), one.state, kind, f"{one.seconds:.2f}", f"{one.peak_mib:.0f}", _said(one)])
    _print("Safety: files that are damaged, encrypted or made to do harm", rows)
    unclear = [one for one in outcomes if one.code == "unexpected" or (one.parsed is None and not one.sentence)]
    killed = [one for one in outcomes if one.error_class == "poison"]
    click.echo(f"files: {len(outcomes)}, {dict(Counter(one.state for one in outcomes))}")
    click.echo(f"processes that died or had to be killed: {len(killed)}")
    click.echo(f"errors without a class or a sentence: {len(unclear)}")
    slowest, largest = max(one.seconds for one in outcomes), max(one.peak_mib for one in outcomes)
    click.echo(f"slowest: {slowest:.2f} s, most memory: {largest:.0f} MiB")
    return not unclear and not killed


def _text(one: Outcome) -> str:
    return "\n".join(page.text for page in one.parsed.pages) if one.parsed is not None else ""


def _said(one: Outcome) -> str:
    if one.parsed is None:
        return one.sentence.split("supported:")[0].rstrip("; ")
    members = f"{len(one.parsed.members)} members. " if one.parsed.members else ""
    return members + " ".join(one.parsed.notes)


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"[-58:]


def _print(title: str, rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]) - 1)]
    click.echo(f"\n{title}\n")
    for line in _lines(rows, widths):
        click.echo(line)


def _lines(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, row[-1][:160]]).rstrip()
