"""Text and structure of a PDF by pdfium."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import islice

import pypdfium2
import pypdfium2.raw as pdfium

from pipelines.documents import Page, PageProblem, ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse.clean import clean, clean_line
from pipelines.parse.failures import PARSER_FAILURES, reason
from pipelines.parse.limits import ParseLimits
from pipelines.parse.pdf_date import iso_date
from pipelines.parse.quiet import quiet

_METADATA = ("Title", "Author", "Subject", "Keywords", "Creator", "Producer", "CreationDate", "ModDate")
_DATES = {"CreationDate": "created", "ModDate": "modified"}
# An outline is for orientation: more of it costs time on hostile files and helps nobody.
_OUTLINE_ENTRIES = 300
_OUTLINE_DEPTH = 4
# pdfium marks a hyphen that it took away at a line's end with U+FFFE and drops the line break: the word goes on.
_LINE_HYPHEN = re.compile("\ufffe(?:\r?\n)?|\xad\r?\n")


def read(data: bytes, limits: ParseLimits, report: Callable[[int, int], None]) -> ParsedDocument:
    """The document as pdfium reads it, page by page.

    Raises PermanentError: ``encrypted``, ``too_large``, and ``corrupt`` when no page can be read.
    """
    with quiet("pypdfium2"), _opened(data) as document:
        count = len(document)
        if count <= 0:
            raise PermanentError("corrupt", "pdfium opens the file, but finds no page in it.")
        limits.check_pages(count)
        pages, problems = _pages(document, count, limits, report)
        if not pages:
            raise PermanentError(
                "corrupt", f"pdfium can read none of the {count} pages; page 1: {problems[0].message}."
            )
        return ParsedDocument("application/pdf", count, pages, problems, _metadata(document), list(_notes(document)))


@contextmanager
def _opened(data: bytes) -> Iterator[pypdfium2.PdfDocument]:
    try:
        document = pypdfium2.PdfDocument(data)  # without a password: pdfium tries the empty one itself
    except pypdfium2.PdfiumError as error:
        raise _refusal(error) from error
    with closing(document):
        yield document


def _refusal(error: pypdfium2.PdfiumError) -> PermanentError:
    if error.err_code == pdfium.FPDF_ERR_PASSWORD:
        return PermanentError(
            "encrypted", "The PDF is encrypted and needs a password; remove the password and submit it again."
        )
    if error.err_code == pdfium.FPDF_ERR_SECURITY:
        return PermanentError(
            "encrypted", "The PDF is encrypted by a scheme that pdfium does not know; submit it unencrypted."
        )
    return PermanentError(
        "corrupt", f"pdfium cannot open the file: {reason(error).removesuffix(' (PDFium: Success)')}."
    )


def _pages(
    document: pypdfium2.PdfDocument, count: int, limits: ParseLimits, report: Callable[[int, int], None]
) -> tuple[list[Page], list[PageProblem]]:
    pages: list[Page] = []
    problems: list[PageProblem] = []
    chars = 0
    for index in range(count):
        try:
            text = _page_text(document, index)
            pages.append(Page(index + 1, _label(document, index), text))
            chars += len(text)
        except PARSER_FAILURES as error:
            problems.append(PageProblem(index + 1, reason(error)))
        limits.check_text(chars)
        report(index + 1, count)
    return pages, problems


def _page_text(document: pypdfium2.PdfDocument, index: int) -> str:
    with closing(document[index]) as page, closing(page.get_textpage()) as textpage:
        text: str = textpage.get_text_range(errors="surrogatepass")
    if "\ufffe" in text or "\xad" in text:
        # A soft hyphen inside a line is a printed one: older producers write minus signs that way.
        text = _LINE_HYPHEN.sub("", text).replace("\xad", "-")
    return clean(text)


def _label(document: pypdfium2.PdfDocument, index: int) -> str | None:
    label = clean_line(document.get_page_label(index), limit=100)
    return label if label and label != str(index + 1) else None


def _metadata(document: pypdfium2.PdfDocument) -> dict[str, str]:
    """What the file says of itself; a file that says it wrongly has no metadata, which is no reason to refuse it."""
    found: dict[str, str] = {}
    try:
        for key in _METADATA:
            value = clean_line(document.get_metadata_value(key))
            if value:
                found[_DATES.get(key, key.lower())] = iso_date(value) if key in _DATES else value
        outline = "\n".join(_outline(document))
        if outline:
            found["outline"] = outline
    except PARSER_FAILURES:
        return found
    return found


def _outline(document: pypdfium2.PdfDocument) -> Iterator[str]:
    for bookmark in islice(document.get_toc(max_depth=_OUTLINE_DEPTH), _OUTLINE_ENTRIES):
        title = clean_line(bookmark.get_title(), limit=200)
        if title:
            yield "  " * bookmark.level + title


def _notes(document: pypdfium2.PdfDocument) -> Iterator[str]:
    if pdfium.FPDF_GetSecurityHandlerRevision(document) >= 0:
        yield "The PDF is encrypted; it opens without a password."
    attachments = pdfium.FPDFDoc_GetAttachmentCount(document)
    if attachments > 0:
        yield f"The PDF carries {attachments} attached files, which were not read."
