"""Which pages of a PDF are pictures: they hold no text, but something is drawn on them."""

from collections.abc import Sequence
from contextlib import closing
from itertools import islice

import pypdfium2
import pypdfium2.raw as pdfium

from pipelines.documents import Page
from pipelines.parse.failures import PARSER_FAILURES
from pipelines.parse.quiet import quiet

LEAST_PATHS = 100
"""Text whose letters were turned into outlines is many paths; a frame and some lines are few."""

MOST_OBJECTS = 20_000
FORMS_DEEP = 4


def scanned_pages(data: bytes, pages: Sequence[Page], password: str | None = None) -> list[int]:
    """The numbers of those of the pages that are pictures. Opens the file only if a page has no text."""
    empty = [page.number for page in pages if not page.text.strip()]
    if not empty:
        return []
    try:
        with quiet("pypdfium2"), closing(pypdfium2.PdfDocument(data, password=password)) as document:
            return [number for number in empty if _is_drawn(document, number)]
    except PARSER_FAILURES:
        return []  # what pdfium cannot open it cannot draw either


def _is_drawn(document: pypdfium2.PdfDocument, number: int) -> bool:
    wanted = [pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_PATH]
    try:
        with closing(document[number - 1]) as page:
            objects = islice(page.get_objects(filter=wanted, max_depth=FORMS_DEEP), MOST_OBJECTS)
            for paths, item in enumerate(objects, start=1):
                if item.type == pdfium.FPDF_PAGEOBJ_IMAGE or paths >= LEAST_PATHS:
                    return True
    except PARSER_FAILURES:
        return False
    return False
