"""Text and structure of a PDF by pypdf: slower than pdfium, but pure Python, and more forgiving of some files."""

from collections.abc import Callable
from io import BytesIO

from pypdf import PasswordType, PdfReader

from pipelines.documents import Page, PageProblem, ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse.clean import clean, clean_line
from pipelines.parse.failures import PARSER_FAILURES, reason
from pipelines.parse.limits import ParseLimits, out_of_memory
from pipelines.parse.pdf_date import iso_date
from pipelines.parse.quiet import quiet

_METADATA = {
    "/Title": "title",
    "/Author": "author",
    "/Subject": "subject",
    "/Keywords": "keywords",
    "/Creator": "creator",
    "/Producer": "producer",
    "/CreationDate": "created",
    "/ModDate": "modified",
}


def read(data: bytes, limits: ParseLimits, report: Callable[[int, int], None]) -> ParsedDocument:
    """The document as pypdf reads it, page by page.

    Raises PermanentError: ``encrypted``, ``too_large``, and ``corrupt`` when no page can be read.
    """
    with quiet("pypdf"):
        reader, notes = _opened(data)
        count = _page_count(reader)
        limits.check_pages(count)
        pages, problems = _pages(reader, count, limits, report)
        if not pages:
            first = f"; page 1: {problems[0].message}" if problems else ""
            raise PermanentError("corrupt", f"pypdf can read none of the {count} pages{first}.")
        return ParsedDocument("application/pdf", count, pages, problems, _metadata(reader), notes)


def _opened(data: bytes) -> tuple[PdfReader, list[str]]:
    try:
        reader = PdfReader(BytesIO(data), strict=False)
        if not reader.is_encrypted:
            return reader, []
        opened = reader.decrypt("") != PasswordType.NOT_DECRYPTED
    except PARSER_FAILURES as error:
        raise PermanentError("corrupt", f"pypdf cannot open the file: {reason(error)}.") from error
    if not opened:
        raise PermanentError(
            "encrypted", "The PDF is encrypted and needs a password; remove the password and submit it again."
        )
    return reader, ["The PDF is encrypted; it opens without a password."]


def _page_count(reader: PdfReader) -> int:
    try:
        return len(reader.pages)
    except PARSER_FAILURES as error:
        raise PermanentError("corrupt", f"pypdf cannot read the list of pages: {reason(error)}.") from error


def _pages(
    reader: PdfReader, count: int, limits: ParseLimits, report: Callable[[int, int], None]
) -> tuple[list[Page], list[PageProblem]]:
    labels = _labels(reader, count)
    pages: list[Page] = []
    problems: list[PageProblem] = []
    chars = 0
    for index in range(count):
        try:
            text = clean(reader.pages[index].extract_text())
            pages.append(Page(index + 1, labels[index], text))
            chars += len(text)
        except PARSER_FAILURES as error:
            problems.append(PageProblem(index + 1, reason(error)))
        except MemoryError as error:
            raise out_of_memory(f"page {index + 1}") from error
        limits.check_text(chars)
        report(index + 1, count)
    return pages, problems


def _labels(reader: PdfReader, count: int) -> list[str | None]:
    try:
        printed = [clean_line(label, limit=100) for label in reader.page_labels]
    except PARSER_FAILURES:
        return [None] * count
    if len(printed) != count:
        return [None] * count
    return [label if label and label != str(number) else None for number, label in enumerate(printed, start=1)]


def _metadata(reader: PdfReader) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        for key, value in (reader.metadata or {}).items():
            name, line = _METADATA.get(key), clean_line(str(value))
            if name and line:
                found[name] = iso_date(line) if name in ("created", "modified") else line
    except PARSER_FAILURES:
        return found
    return found
