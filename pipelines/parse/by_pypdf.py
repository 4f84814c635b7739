"""Text and structure of a PDF by pypdf: slower than pdfium, but pure Python, and more forgiving of some files."""

from io import BytesIO

from pypdf import PasswordType, PdfReader

from pipelines.documents import Page, PageProblem, ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse.clean import clean, clean_line
from pipelines.parse.failures import PARSER_FAILURES, reason
from pipelines.parse.limits import ParseLimits, out_of_memory
from pipelines.parse.parser import Report, Source
from pipelines.parse.pdf_attached import with_attached
from pipelines.parse.pdf_date import iso_date
from pipelines.parse.pdf_password import encrypted_but_opened, refused
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


def read(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document as pypdf reads it, page by page.

    Raises PermanentError: ``encrypted``, ``too_large``, and ``corrupt`` when no page can be read.
    """
    with quiet("pypdf"):
        reader, notes = _opened(source.data, source.password)
        count = _page_count(reader)
        limits.check_pages(count)
        pages, problems = _pages(reader, count, limits, report)
        if not pages:
            first = f"; page 1: {problems[0].message}" if problems else ""
            raise PermanentError("corrupt", f"pypdf can read none of the {count} pages{first}.")
        parsed = ParsedDocument("application/pdf", count, pages, problems, _metadata(reader), notes)
    return with_attached(parsed, source, limits, ())


def _opened(data: bytes, password: str | None) -> tuple[PdfReader, list[str]]:
    try:
        reader = PdfReader(BytesIO(data), strict=False)
        if not reader.is_encrypted:
            return reader, []
        opens = next((tried for tried in (password, "") if tried is not None and _decrypts(reader, tried)), None)
    except PARSER_FAILURES as error:
        raise PermanentError("corrupt", f"pypdf cannot open the file: {reason(error)}.") from error
    if opens is None:
        raise refused(password)
    return reader, [encrypted_but_opened(with_password=bool(opens))]


def _decrypts(reader: PdfReader, password: str) -> bool:
    return reader.decrypt(password) != PasswordType.NOT_DECRYPTED


def _page_count(reader: PdfReader) -> int:
    try:
        return len(reader.pages)
    except PARSER_FAILURES as error:
        raise PermanentError("corrupt", f"pypdf cannot read the list of pages: {reason(error)}.") from error


def _pages(reader: PdfReader, count: int, limits: ParseLimits, report: Report) -> tuple[list[Page], list[PageProblem]]:
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
