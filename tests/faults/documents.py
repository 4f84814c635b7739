"""Small documents for fault tests: each different, each with text for a few chunks."""

import random

WORDS = (
    "pump valve turbine blade rotor lease tenant landlord deposit notice flour yeast oven crust dough harbour "
    "anchor tide sail mast comet orbit lens mirror ledger audit invoice tariff orchard graft pollen hive"
).split()


def documents(count: int, seed: int, *, words: int = 120) -> list[tuple[str, bytes]]:
    """Names and bytes of `count` Markdown documents, the same for the same seed."""
    dice = random.Random(seed)
    return [(f"note-{seed}-{number:03}.md", _text(dice, number, words)) for number in range(count)]


def _text(dice: random.Random, number: int, words: int) -> bytes:
    sentences = [
        " ".join(dice.choices(WORDS, k=12)).capitalize() + f", as entry {number} of the log says."
        for _ in range(words // 12)
    ]
    return (f"# Note {number}\n\n" + " ".join(sentences)).encode()
