"""One document of thousands of pages: how long, how much memory, and how long others wait meanwhile."""

import io
import random
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from fpdf import FPDF
from pypdfium2 import PdfDocument, PdfiumError

from app.stack.whole import Stack
from benchmarks.beside import Beside
from benchmarks.report import Report
from benchmarks.service import TooSlow, broker, service
from docrelay import Client, Job

WORDS = (
    "tenant deposit river contract pressure evening valve notice payment garden machine window letter harbour".split()
)
LINES = 12
PAUSE_SECONDS = 5.0
LOOK_SECONDS = 0.1
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure, and for how long at most."""

    pages: int
    corpus: Path | None
    """A folder of PDFs whose pages become one document; None makes pages."""
    seconds: float
    broker: str
    seed: int


def measure(wanted: Wanted) -> Report:
    """One large PDF through the service, with small documents behind it.

    Raises:
        TooSlow: it did not end within `seconds`.
    """
    if wanted.corpus is None:
        data, pages = _made(wanted), f"{wanted.pages:,} pages of {LINES} lines, seed {wanted.seed}"
    else:
        data, count = _merged(wanted.corpus, wanted.pages)
        pages = f"{count:,} pages of {wanted.corpus.name}"
    size = f"{pages}, {len(data) / MIB:.1f} MiB"
    report = Report("large: one document of thousands of pages", {"document": size, "broker": wanted.broker})
    with broker(wanted.broker) as server, service(server) as running:
        running.warm_up(b"warm up")
        alone = max(_small(running.client) for _ in range(3))
        with _Peaks(running.stack) as peaks:
            job = running.client.submit(data, name="large.pdf", collection="large")
            found = _follow(running.client, job, wanted.seconds)
        report.add("service", {**found, "small alone s": alone, **peaks.megabytes})
    return report


def _merged(folder: Path, most: int) -> tuple[bytes, int]:
    """The pages of a folder's PDFs in one, and how many there are; files that cannot be opened are left out."""
    whole = PdfDocument.new()
    for file in sorted(folder.rglob("*.pdf")):
        left = most - len(whole)
        if not left:
            break  # asked for no page, pdfium takes all
        with suppress(PdfiumError), PdfDocument(file) as part:
            whole.import_pages(part, range(min(len(part), left)))
    data = io.BytesIO()
    whole.save(data)
    return data.getvalue(), len(whole)


def _made(wanted: Wanted) -> bytes:
    dice = random.Random(wanted.seed)
    pdf = FPDF()
    pdf.set_font("helvetica", size=11)
    for page in range(wanted.pages):
        pdf.add_page()
        for line in range(LINES):
            pdf.text(10, 15 + 8 * line, f"{' '.join(dice.choices(WORDS, k=11))} {page * LINES + line}.")
    return bytes(pdf.output())


def _small(client: Client, *, priority: int = 5) -> float:
    began = time.monotonic()
    text = f"One page about {uuid.uuid4()}.".encode()
    client.wait(client.submit(text, name="small.txt", collection="small", priority=priority).id, timeout=300)
    return time.monotonic() - began


def _follow(client: Client, job: Job, seconds: float) -> dict[str, float]:
    began, first = time.monotonic(), 0.0
    with _Behind(client) as behind:
        while not (seen := client.get(job.id)).finished:
            now = time.monotonic()
            if now - began > seconds:
                raise TooSlow(f"{seen.reason} after {seconds:g} s")
            if not first and any(stage.done for stage in seen.stages):
                first = now - began
            time.sleep(LOOK_SECONDS)
        ended = time.monotonic()
    return {
        "all s": ended - began,
        "parse s": seen.stages[0].ran,
        "first progress s": first,
        "small behind it, worst s": max(behind.small),
        "urgent, worst s": max(behind.urgent),
    }


class _Behind(Beside):
    """Submits small documents, from the first moment on, and says how long each took."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client
        self.small: list[float] = []
        self.urgent: list[float] = []

    def run(self) -> None:
        """One for everybody, one that is urgent, a pause."""
        while not self.over.is_set():
            self.small.append(_small(self._client))
            self.urgent.append(_small(self._client, priority=9))
            self.over.wait(PAUSE_SECONDS)


class _Peaks(Beside):
    """The largest resident memory of each kind of process, looked at ten times a second."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self._stack = stack
        self.megabytes: dict[str, float] = {}

    def run(self) -> None:
        """Look at all."""
        while not self.over.wait(LOOK_SECONDS):
            for role in ("parse", "vectorize"):
                with suppress(psutil.Error):
                    worker = psutil.Process(self._stack.supervisor.pids()[role])
                    self._note(f"{role} worker MiB", worker)
                    for child in worker.children(recursive=True):
                        self._note(f"its largest {role} process MiB", child)

    def _note(self, name: str, process: psutil.Process) -> None:
        with suppress(psutil.Error):
            self.megabytes[name] = max(self.megabytes.get(name, 0.0), process.memory_info().rss / MIB)
