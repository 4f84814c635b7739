"""From the bytes of a document to the text of its pages."""

from collections.abc import Callable

from pipelines.documents import ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse import html, markdown, pdf, sniff, text
from pipelines.parse.decode import decode
from pipelines.parse.limits import ParseLimits, out_of_memory

__all__ = ["PARSER_VERSION", "ParseLimits", "ignore", "parse"]

# Part of a result's fingerprint: raise it whenever the same bytes may give another text.
PARSER_VERSION = "1"

_TEXT_FORMATS = {sniff.HTML: html.parse_html, sniff.MARKDOWN: markdown.parse_markdown, sniff.PLAIN: text.parse_text}


def ignore(done: int, total: int) -> None:
    """The reporter for callers who do not care about progress."""


def parse(
    data: bytes,
    name: str,
    *,
    engine: str = "default",
    limits: ParseLimits = ParseLimits(),
    report: Callable[[int, int], None] = ignore,
) -> ParsedDocument:
    """Read a document; its type is told by its bytes, ``name`` is only a hint.

    ``engine="fallback"`` reads PDF without pdfium, for a document on which a process has died. ``report(done, total)``
    is called once per page. A PDF's pages that cannot be read are in ``problems``; the others are kept.

    Raises PermanentError: ``encrypted``, ``corrupt``, ``unsupported`` or ``too_large``. Raises ValueError for an engine
    that does not exist. PDF parsing is not thread-safe, because pdfium is not: one document per process at a time.
    """
    if engine not in ("default", "fallback"):
        raise ValueError(f"engine must be 'default' or 'fallback', not {engine!r}")
    try:
        return _dispatch(data, name, engine, limits, report)
    except MemoryError as error:
        raise out_of_memory("the document") from error


def _dispatch(
    data: bytes, name: str, engine: str, limits: ParseLimits, report: Callable[[int, int], None]
) -> ParsedDocument:
    if not data:
        return ParsedDocument(sniff.EMPTY, 0, [], [], {}, ["The file is empty."])
    if sniff.is_pdf(data, name):
        parsed = pdf.parse_pdf(data, engine=engine, limits=limits, report=report)
    else:
        parsed = _parse_text(data, name, limits)
        report(len(parsed.pages), len(parsed.pages))
    note = sniff.mismatch(parsed.media_type, name)
    if note is not None:
        parsed.notes.append(note)
    return parsed


def _parse_text(data: bytes, name: str, limits: ParseLimits) -> ParsedDocument:
    decoded = None if sniff.looks_foreign(data) else decode(data, html.declared_encoding(data))
    if decoded is None:
        raise _not_text(data, name)
    content, encoding = decoded
    limits.check_text(len(content))
    parsed = _TEXT_FORMATS[sniff.text_kind(content, name)](content, limits)
    if encoding not in ("utf-8", "ascii"):
        parsed.notes.append(f"The text was decoded as {encoding}.")
    return parsed


def _not_text(data: bytes, name: str) -> PermanentError:
    if sniff.extension(name) == ".pdf" and not data.startswith(b"PK"):
        return PermanentError("corrupt", "The file is named .pdf, but holds no PDF header and no PDF objects.")
    return sniff.unsupported(data)
