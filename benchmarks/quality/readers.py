"""The programs that are compared: each from the path of a PDF to the text of its pages."""

import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

OURS, PYPDF, PDFIUM, PDFTOTEXT = "docrelay", "pypdf", "pdfium", "pdftotext"
SECONDS = 300.0


class Missing(Exception):  # noqa: N818
    """A program that is to be compared with is not installed."""


def readers(*, every_line: bool = False) -> dict[str, Callable[[Path], list[str]]]:
    """By name; ours first, with what repeats at the edges of pages kept once or on every page.

    Raises:
        Missing: pdftotext is not installed.
    """
    if shutil.which(PDFTOTEXT) is None:
        raise Missing("pdftotext is missing; install poppler-utils (apt-get install poppler-utils)")
    return {OURS: partial(_ours, every_line=every_line), PYPDF: _pypdf, PDFIUM: _pdfium, PDFTOTEXT: _pdftotext}


def _ours(file: Path, *, every_line: bool) -> list[str]:
    from benchmarks.quality.scans import with_ocr
    from tasks.isolated.parse import parse_document

    data = file.read_bytes()
    parsed = parse_document(data, file.name, "default", lambda done, total: None, every_line=every_line)
    return with_ocr(data, parsed)


def _pypdf(file: Path) -> list[str]:
    from pypdf import PdfReader

    return [page.extract_text() for page in PdfReader(file).pages]


def _pdfium(file: Path) -> list[str]:
    from pypdfium2 import PdfDocument

    with PdfDocument(file) as document:
        return [page.get_textpage().get_text_range(errors="replace") for page in document]


def _pdftotext(file: Path) -> list[str]:
    command = [PDFTOTEXT, "-q", "-enc", "UTF-8", str(file), "-"]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=SECONDS, check=True)
    return done.stdout.decode("utf-8", "replace").split("\f")
