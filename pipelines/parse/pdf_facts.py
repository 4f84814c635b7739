"""What a PDF says of itself, as pdfium reads it: metadata, outline, labels, language."""

import ctypes
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

import pypdfium2
import pypdfium2.raw as pdfium

from pipelines.parse.clean import clean_line
from pipelines.parse.failures import PARSER_FAILURES
from pipelines.parse.pdf_date import iso_date
from pipelines.parse.pdf_headings import Title
from pipelines.parse.pdf_password import encrypted_but_opened

_METADATA = ("Title", "Author", "Subject", "Keywords", "Creator", "Producer", "CreationDate", "ModDate")
_DATES = {"CreationDate": "created", "ModDate": "modified"}
# An outline is for orientation, and for headings: more of it costs time on hostile files and helps nobody.
_ENTRIES = 3_000
_ENTRIES_SHOWN = 300
_DEPTH = 4

Outline = list[tuple[int, str, int | None]]
"""Depth from 0, title, and number of the page from 0, in order."""


def outline(document: pypdfium2.PdfDocument) -> Outline:
    """The outline of a document, as far as it can be read and is not endless."""
    found: Outline = []
    with suppress(*PARSER_FAILURES):
        for bookmark in islice(document.get_toc(max_depth=_DEPTH), _ENTRIES):
            title = clean_line(bookmark.get_title(), limit=200)
            if title:
                found.append((bookmark.level, title, _page_of(bookmark)))
    return found


def _page_of(bookmark: pypdfium2.PdfBookmark) -> int | None:
    destination = bookmark.get_dest()
    index = destination.get_index() if destination else None
    return index if index is not None and index >= 0 else None


def titles(entries: Outline) -> dict[int, list[Title]]:
    """The titles of an outline by the page to which they lead."""
    found: defaultdict[int, list[Title]] = defaultdict(list)
    for depth, title, page in entries:
        if page is not None:
            found[page].append(Title(depth + 1, title))
    return found


def metadata(document: pypdfium2.PdfDocument, entries: Outline) -> dict[str, str]:
    """What the file says of itself; a file that says it wrongly has no metadata, which is no reason to refuse it."""
    found: dict[str, str] = {}
    with suppress(*PARSER_FAILURES):
        for key in _METADATA:
            value = clean_line(document.get_metadata_value(key))
            if value:
                found[_DATES.get(key, key.lower())] = iso_date(value) if key in _DATES else value
    shown = "\n".join("  " * depth + title for depth, title, _ in entries[:_ENTRIES_SHOWN])
    if shown:
        found["outline"] = shown
    language = _language(document)
    if language:
        found["language"] = language
    return found


def is_by_tex(document: pypdfium2.PdfDocument) -> bool:
    """Whether TeX has made the document, by what it says of itself."""
    with suppress(*PARSER_FAILURES):
        said = "".join(document.get_metadata_value(key) for key in ("Producer", "Creator")).casefold()
        return "tex" in said or "dvips" in said
    return False


def _language(document: pypdfium2.PdfDocument) -> str:
    buffer = (ctypes.c_ushort * 64)()
    written = pdfium.FPDFCatalog_GetLanguage(document.raw, buffer, ctypes.sizeof(buffer))
    if not 2 < written <= ctypes.sizeof(buffer):
        return ""
    return clean_line(bytes(buffer)[: written - 2].decode("utf-16-le", "replace"))


def label(document: pypdfium2.PdfDocument, index: int) -> str | None:
    """What is printed on a page as its number, when that is not the number itself."""
    printed = clean_line(document.get_page_label(index), limit=100)
    return printed if printed and printed != str(index + 1) else None


def notes(document: pypdfium2.PdfDocument, *, with_password: bool) -> Iterator[str]:
    """Sentences about what a reader of the result should know."""
    if pdfium.FPDF_GetSecurityHandlerRevision(document.raw) >= 0:
        yield encrypted_but_opened(with_password=with_password)
