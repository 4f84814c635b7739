"""The demo's documents: real files of several kinds, made from the texts in `texts/`."""

import importlib
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from markdown_it import MarkdownIt

from app.demo.drawing import blank, cut_off, draw_pdf, lock, scan
from docrelay.names import JobStatus

TEXTS: Final = Path(__file__).parent / "texts"
LOG_PAGES: Final = 60
ENTRIES: Final = 8
SPOILT: Final = ("salary-bands.pdf.md", "board-minutes.pdf.md")

LANGUAGES: Final = "pipelines.ocr.languages"
"""Named, not imported: the service knows jobs, not documents."""

INVOICE: Final = [
    "Miller & Daughters, Roofing",
    "Invoice 2031",
    "",
    "Repair of the boat house roof      1,480.00",
    "Scaffolding, four days               620.00",
    "",
    "Total                              2,100.00",
]


@dataclass(frozen=True, slots=True)
class Sample:
    """A document and what must become of it; `why` stands in the reason that the job gives."""

    path: Path
    expected: JobStatus = JobStatus.SUCCEEDED
    why: str = ""


def make_documents(folder: Path) -> list[Sample]:
    """Write all documents; those that cannot be read come last."""
    samples = [Sample(_keep(folder, name, data)) for name, data in _good()]
    locked = lock(draw_pdf(_text(SPOILT[0])), "correct horse")
    broken = cut_off(draw_pdf(_text(SPOILT[1])))
    return [
        *samples,
        Sample(_keep(folder, "salary-bands.pdf", locked), JobStatus.FAILED, "password"),
        Sample(_keep(folder, "board-minutes.pdf", broken), JobStatus.FAILED, "cannot open"),
        Sample(_keep(folder, "blank-page.pdf", blank()), JobStatus.NO_TEXT, "no text"),
        _scanned(_keep(folder, "scanned-invoice.pdf", scan(INVOICE))),
    ]


def _scanned(path: Path) -> Sample:
    """What becomes of a scan depends on this machine."""
    languages: Any = importlib.import_module(LANGUAGES)
    return Sample(path, JobStatus.NO_TEXT, "ocr is not installed") if languages.missing("eng") else Sample(path)


def _good() -> list[tuple[str, bytes]]:
    made: list[tuple[str, bytes]] = []
    for path in sorted(TEXTS.glob("*.md")):
        text = path.read_text()
        if path.name in SPOILT:
            continue
        if path.name.endswith(".pdf.md"):
            made.append((path.stem, draw_pdf(text)))
        elif path.name.endswith(".html.md"):
            body = MarkdownIt().render(text)
            made.append((path.stem, f"<!doctype html><meta charset=utf-8><main>{body}</main>".encode()))
        else:
            made.append((path.name, text.encode()))
    return [*made, ("turbine-log.pdf", draw_pdf(_log()))]


def _text(name: str) -> str:
    return (TEXTS / name).read_text()


def _keep(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _log() -> str:
    """A long document, so that there is progress to be seen."""
    chance = random.Random(3)  # noqa: S311 - the same log at every run
    days = [_day(number, chance) for number in range(1, LOG_PAGES + 1)]
    return "# Operating Log, Turbine 7\n\n" + "\n\n".join(days)


def _day(number: int, chance: random.Random) -> str:
    events = [
        "the transformer was inspected and found dry",
        "a kestrel was seen nesting on the service crane",
        "the pitch of wing two was calibrated again",
        "production was curtailed on request of the grid operator",
        "the anemometer on the nacelle was exchanged",
        "shadow flicker stopped the machine for the farmhouse in the east",
        "the converter reported an over-temperature and recovered by itself",
        "oil was topped up by two litres",
    ]
    hours = sorted(chance.sample(range(24), ENTRIES))
    happened = chance.sample(events, ENTRIES)
    entries = [f"At {hour:02}:{chance.randrange(60):02} {what}." for hour, what in zip(hours, happened, strict=True)]
    wind, energy = chance.uniform(3, 14), chance.uniform(4, 60)
    return f"## Day {number}\nMean wind {wind:.1f} metres per second, yield {energy:.1f} megawatt hours. " + " ".join(
        entries
    )
