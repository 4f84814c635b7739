"""The document process of the parse stage."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pipelines.documents import ParsedDocument, Part, Slice
from pipelines.parse import ParseLimits, Paused, Slices, media, parse
from pipelines.parse.scans import scanned_pages
from tasks.isolated.errors import classify

__all__ = ["calls", "classify"]


def parse_document(
    data: bytes,
    name: str,
    engine: str,
    report: Callable[[int, int], None],
    limits: ParseLimits = ParseLimits(),
    password: str | None = None,
    depth: int = 0,
    *,
    every_line: bool = False,
    slices: Slices | None = None,
) -> ParsedDocument:
    """Parse what is within the limits, and find out which pages are pictures."""
    parsed = parse(
        data,
        name,
        engine=engine,
        depth=depth,
        password=password,
        every_line=every_line,
        limits=limits,
        report=report,
        slices=slices,
    )
    if parsed.media_type != media.PDF:
        return parsed
    if engine == "default":
        return replace(parsed, scanned=scanned_pages(data, parsed.pages, password))
    # pdfium may be what the process died of: leave the question to OCR, which asks page by page.
    return replace(parsed, scanned=[page.number for page in parsed.pages if not page.text.strip()])


def parse_slice(
    data: bytes,
    name: str,
    kept: list[Slice],
    slice_seconds: float,
    report: Callable[[int, int], None],
    limits: ParseLimits,
    password: str | None,
    depth: int,
    *,
    every_line: bool,
) -> Part:
    """The same, behind what earlier calls have read, and for about so long."""
    slices = Slices(kept, slice_seconds)
    try:
        document = parse_document(
            data, name, "default", report, limits, password, depth, every_line=every_line, slices=slices
        )
    except Paused as paused:
        return Part(slice=paused.slice)
    return Part(document)


def calls() -> dict[str, Callable[..., Any]]:
    """The functions of this process."""
    return {"parse": parse_document, "parse_slice": parse_slice}
