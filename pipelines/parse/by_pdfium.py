"""Text and structure of a PDF by pdfium."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pypdfium2
import pypdfium2.raw as pdfium

from pipelines.documents import Page, PageProblem, ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse import pdf_facts
from pipelines.parse.failures import PARSER_FAILURES, reason
from pipelines.parse.limits import ParseLimits
from pipelines.parse.parser import Report, Source
from pipelines.parse.pdf_attached import with_attached
from pipelines.parse.pdf_fields import Fields
from pipelines.parse.pdf_lines import LineReader, Lines
from pipelines.parse.pdf_password import refused, unknown_scheme
from pipelines.parse.pdf_slice import Read
from pipelines.parse.pdf_text import page_texts
from pipelines.parse.quiet import quiet
from pipelines.parse.slices import Paused, Slices


def read(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document as pdfium reads it, page by page.

    Raises PermanentError: ``encrypted``, ``too_large``, and ``corrupt`` when no page can be read. Raises Paused.
    """
    with quiet("pypdfium2"), _opened(source.data, source.password) as (document, used):
        count = len(document)
        if count <= 0:
            raise PermanentError("corrupt", "pdfium opens the file, but finds no page in it.")
        limits.check_pages(count)
        read = _read(document, count, source.slices, limits, report)
        found = read.lines
        if not found:
            raise PermanentError(
                "corrupt", f"pdfium can read none of the {count} pages; page 1: {read.problems[0].message}."
            )
        outline = pdf_facts.outline(document)
        by_index = pdf_facts.titles(outline)
        titles = {place: by_index[index] for place, index in enumerate(found) if index in by_index}
        texts, notes = page_texts(list(found.values()), titles, every_line=source.every_line)
        pages = [
            Page(index + 1, pdf_facts.label(document, index), text) for index, text in zip(found, texts, strict=True)
        ]
        metadata = pdf_facts.metadata(document, outline)
        if links := list(filter(None, read.links)):
            metadata["links"] = "\n".join(links)
        notes += pdf_facts.notes(document, with_password=used)
        parsed = ParsedDocument("application/pdf", count, pages, read.problems, metadata, notes)
        has_files = read.with_files or pdfium.FPDFDoc_GetAttachmentCount(document.raw) > 0
    return with_attached(parsed, source, limits, read.with_files) if has_files else parsed


@contextmanager
def _opened(data: bytes, password: str | None) -> Iterator[tuple[pypdfium2.PdfDocument, bool]]:
    """The document, and whether the password given has opened it: one that needs none opens with any."""
    try:
        document, used = _document(data, password), bool(password)
    except pypdfium2.PdfiumError as error:
        if not password or error.err_code != pdfium.FPDF_ERR_PASSWORD:
            raise _refusal(error, password) from error
        try:
            document, used = _document(data, None), False
        except pypdfium2.PdfiumError:
            raise _refusal(error, password) from error
    with closing(document):
        yield document, used


def _document(data: bytes, password: str | None) -> pypdfium2.PdfDocument:
    return pypdfium2.PdfDocument(data, password=password or None)  # without one, pdfium tries the empty one itself


def _refusal(error: pypdfium2.PdfiumError, password: str | None) -> PermanentError:
    if error.err_code == pdfium.FPDF_ERR_PASSWORD:
        return refused(password)
    if error.err_code == pdfium.FPDF_ERR_SECURITY:
        return unknown_scheme("pdfium")
    return PermanentError(
        "corrupt", f"pdfium cannot open the file: {reason(error).removesuffix(' (PDFium: Success)')}."
    )


def _read(
    document: pypdfium2.PdfDocument, count: int, slices: Slices | None, limits: ParseLimits, report: Report
) -> Read:
    """The lines of all pages, behind those of the slices that there are; raises Paused when this one is over."""
    read = Read()
    for kept in slices.kept if slices else ():
        read.add(kept)
    fields = Fields(document, read.links, read.with_files)
    reader = LineReader(by_tex=pdf_facts.is_by_tex(document), most=read.lines_left)
    chars, start = sum(lines.chars for lines in read.lines.values()), read.until
    if slices:
        slices.begin()
    for index in range(start, count):
        try:
            read.lines[index] = _page(document, fields, index, reader)
            chars += read.lines[index].chars
        except PARSER_FAILURES as error:
            read.problems.append(PageProblem(index + 1, reason(error)))
        limits.check_text(chars)
        report(index + 1, count)
        if slices and slices.over() and index + 1 < count:
            read.so_far(index + 1, fields, reader)
            raise Paused(read.since(start))
    read.so_far(count, fields, reader)
    return read


def _page(document: pypdfium2.PdfDocument, fields: Fields, index: int, reader: LineReader) -> Lines:
    # Not by pypdfium2's objects: finalizing them costs as much as finding a page's lines.
    page = pdfium.FPDF_LoadPage(document.raw, index)
    if not page:
        raise pypdfium2.PdfiumError("the page cannot be loaded")
    try:
        textpage = pdfium.FPDFText_LoadPage(page)
        if not textpage:
            raise pypdfium2.PdfiumError("the page's text cannot be loaded")
        try:
            lines = reader.read(textpage)
        finally:
            pdfium.FPDFText_ClosePage(textpage)
        lines.over = fields.of_page(page, index)
        return lines
    finally:
        pdfium.FPDF_ClosePage(page)
