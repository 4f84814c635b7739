"""The documents of a run: small ones that are made, each different, or the files of a folder."""

import hashlib
import random
from pathlib import Path

WORDS = (
    "pump valve turbine blade rotor lease tenant landlord deposit notice flour yeast oven crust dough harbour "
    "anchor tide sail mast comet orbit lens mirror ledger audit invoice tariff orchard graft pollen hive"
).split()

Document = tuple[str, bytes]
"""Name and bytes."""


def documents(count: int, seed: int, *, words: int = 120) -> list[Document]:
    """Names and bytes of `count` Markdown documents, the same for the same seed."""
    dice = random.Random(seed)
    return [(f"note-{seed}-{number:03}.md", _text(dice, number, words)) for number in range(count)]


def _text(dice: random.Random, number: int, words: int) -> bytes:
    sentences = [
        " ".join(dice.choices(WORDS, k=12)).capitalize() + f", as entry {number} of the log says."
        for _ in range(words // 12)
    ]
    return (f"# Note {number}\n\n" + " ".join(sentences)).encode()


def from_folder(folder: Path, count: int, seed: int) -> list[Document]:
    """At most `count` files of a folder, drawn by the seed; of files with the same bytes, one."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    random.Random(seed).shuffle(paths)
    chosen: dict[bytes, Document] = {}
    for path in paths:
        if len(chosen) == count:
            break
        data = path.read_bytes()
        # Names are keys of a run, and two folders may hold files of one name.
        chosen.setdefault(hashlib.sha256(data).digest(), (f"{len(chosen):05}-{path.name}", data))
    return list(chosen.values())
