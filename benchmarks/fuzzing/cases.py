"""The files to be tried: seeds from a folder, each case made from its number alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.fuzzing.archives import mutated_archive
from benchmarks.fuzzing.mutations import ANYTHING, OF_MARKUP, OF_PDF, mutated, spliced

_SPLICED = 0.05
_MARKUP = (".html", ".htm", ".xml", ".xhtml", ".rtf", ".eml", ".md", ".svg")


@dataclass(frozen=True, slots=True)
class Seed:
    """A file that is whole, or as broken as it was found."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Case:
    """A mutated file; its number and the seed of the run make it again."""

    number: int
    name: str
    data: bytes


def seeds(folder: Path, largest: int) -> list[Seed]:
    """The files below a folder that are not too large: small ones break in as many ways, and faster.

    Raises FileNotFoundError when there is none.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and 0 < path.stat().st_size <= largest)
    if not files:
        raise FileNotFoundError(f"{folder} has no file of at most {largest:,} bytes")
    return [Seed(path.name, path.read_bytes()) for path in files]


def case(number: int, run_seed: int, found: Sequence[Seed]) -> Case:
    """The case of that number: the same for the same seed and folder. Each kind of file is as likely as any."""
    dice = Random(f"{run_seed}:{number}")
    kinds = sorted({_kind(each.name) for each in found})
    kind = dice.choice(kinds)
    same = [each for each in found if _kind(each.name) == kind]
    chosen = dice.choice(same)
    if dice.random() < _SPLICED:
        return Case(number, chosen.name, bytes(spliced(chosen.data, dice.choice(same).data, dice)))
    return Case(number, chosen.name, _mutated(chosen, dice))


def _mutated(chosen: Seed, dice: Random) -> bytes:
    if b"%PDF-" in chosen.data[:1024]:
        return mutated(chosen.data, OF_PDF, dice)
    if chosen.data.startswith(b"PK\x03\x04"):
        return mutated_archive(chosen.data, dice)
    return mutated(chosen.data, OF_MARKUP if _kind(chosen.name) in _MARKUP else ANYTHING, dice)


def _kind(name: str) -> str:
    return Path(name).suffix.lower()
