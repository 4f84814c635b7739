"""Pages of PDF per second of processor time: plain pdfium, our reader, and our reader in a document process.

Processor time, of this process and all it has started, because it hardly changes with what else the machine does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from pypdfium2 import PdfDocument, PdfiumError

from app.isolation import CallFailed, DocumentProcess, Limits
from benchmarks.cpu import tree_seconds
from benchmarks.parsing import MODULE, PARSE
from benchmarks.report import Report
from pipelines.documents import ParsedDocument
from pipelines.errors import DocumentError
from pipelines.parse import parse

PLAIN, OURS, ISOLATED = "pdfium in a loop", "docrelay, same process", "docrelay, document process"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The folder of PDFs, and how often each side reads them all."""

    folder: Path
    rounds: int = 5


class _Nobody:
    def check(self) -> None:
        """Never stop."""

    def progress(self, done: int, total: int) -> None:
        """Tell nobody."""


def measure(wanted: Wanted) -> Report:
    """Read every file of a folder by each side in turns, so that what the machine does beside meets all of them.

    Raises FileNotFoundError when the folder has no PDF that every side can read.
    """
    process = DocumentProcess(MODULE, memory_mb=PARSE.memory_mb)
    sides: dict[str, Callable[[bytes], int]] = {
        PLAIN: _plain,
        OURS: _ours,
        ISOLATED: lambda data: _isolated(process, data),
    }
    try:
        files = [path.read_bytes() for path in sorted(wanted.folder.rglob("*.pdf"))]
        files = [data for data in files if all(_reads(read, data) for read in sides.values())]
        if not files:
            raise FileNotFoundError(f"{wanted.folder} has no PDF that can be read")
        report = Report("Pages of PDF per second of processor time", {"corpus": f"{wanted.folder}, {len(files)} files"})
        for _ in range(wanted.rounds):
            for side, read in sides.items():
                report.add(side, _round(read, files))
    finally:
        process.kill()
    report.compare("our reader beside plain pdfium (1 is as fast)", "pages/CPU s", OURS, PLAIN)
    report.compare("document process beside the same process", "pages/CPU s", ISOLATED, OURS)
    return report


def _round(read: Callable[[bytes], int], files: list[bytes]) -> dict[str, float]:
    tree = psutil.Process()
    before = tree_seconds(tree)
    pages = sum(read(data) for data in files)
    return {"pages/CPU s": pages / (tree_seconds(tree) - before), "pages": pages}


def _reads(read: Callable[[bytes], int], data: bytes) -> bool:
    try:
        return read(data) > 0
    except (DocumentError, PdfiumError, CallFailed):
        return False


def _plain(data: bytes) -> int:
    with PdfDocument(data) as document:
        return len([page.get_textpage().get_text_range(errors="replace") for page in document])


def _ours(data: bytes) -> int:
    return parse(data, "a.pdf").page_count


def _isolated(process: DocumentProcess, data: bytes) -> int:
    limits = Limits(PARSE.seconds, PARSE.silence, PARSE.memory_mb)
    arguments = {"data": data, "name": "a.pdf", "engine": "default"}
    return process.call("parse", arguments, ParsedDocument, limits, _Nobody()).page_count
