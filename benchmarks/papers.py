"""PDFs to measure with where there is no corpus: prose of common words, the same for the same seed."""

import random
from pathlib import Path

from fpdf import FPDF

TEXT = (
    "the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which "
    "one you were all her she there would their we him been has when who will no more if out so up said what its about "
    "than into them can only other time new some could these two may first then do any like my now over such our man "
    "me even most made after also did many off before must well back through years much where your way down should "
    "because long each just state those people too mister good very year make world still see own work men day get "
    "contract notice payment party term service delivery price account report system process document record result "
    "measure value table figure section chapter water energy heat pressure engine machine signal network data model"
)
WORDS = TEXT.split()
PAGES = (1, 6)
SENTENCES = (18, 30)
LINE_MILLIMETRES = 5


def make_papers(folder: Path, count: int, seed: int, *, pages: tuple[int, int] = PAGES) -> list[Path]:
    """So many PDFs of some pages each, in a folder that exists."""
    return [
        _make(folder / f"paper-{number:04}.pdf", random.Random(f"{seed}/{number}"), pages) for number in range(count)
    ]


def prose(chosen: random.Random, sentences: int) -> str:
    """A paragraph."""
    return " ".join(_sentence(chosen) for _ in range(sentences))


def _sentence(chosen: random.Random) -> str:
    words = chosen.choices(WORDS, k=chosen.randint(8, 24))
    return f"{' '.join(words).capitalize()}."


def _make(file: Path, chosen: random.Random, pages: tuple[int, int]) -> Path:
    pdf = FPDF()
    pdf.set_font("helvetica", size=11)
    for number in range(chosen.randint(*pages)):
        pdf.add_page()
        pdf.cell(text=f"{number + 1}. {_sentence(chosen)[:60]}", new_x="LMARGIN", new_y="NEXT")
        pdf.multi_cell(0, LINE_MILLIMETRES, prose(chosen, chosen.randint(*SENTENCES)))
    pdf.output(str(file))
    return file
