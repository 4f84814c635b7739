"""From the bytes of a document to the text of its pages."""

from dataclasses import replace

from pipelines.documents import ParsedDocument
from pipelines.parse import media, registry, sniff
from pipelines.parse.limits import ParseLimits, out_of_memory
from pipelines.parse.parser import Report, Source
from pipelines.parse.slices import Paused, Slices

__all__ = ["ParseLimits", "Paused", "Slices", "ignore", "parse", "version"]

# Part of a result's fingerprint: raise it whenever the same bytes may give another text, or slices hold something else.
_VERSION = "9"


def version(*, every_line: bool) -> str:
    """What tells a text from that of another parser, or of this one otherwise set."""
    return f"{_VERSION}, every line" if every_line else _VERSION


def ignore(done: int, total: int) -> None:
    """The reporter for callers who do not care about progress."""


def parse(
    data: bytes,
    name: str,
    *,
    password: str | None = None,
    engine: str = "default",
    depth: int = 0,
    every_line: bool = False,
    limits: ParseLimits = ParseLimits(),
    report: Report = ignore,
    slices: Slices | None = None,
) -> ParsedDocument:
    """Read a document; its type is told by its bytes, ``name`` is only a hint.

    ``password`` opens a document that is encrypted. ``engine="fallback"`` reads PDF without pdfium, for a document on
    which a process has died. ``depth`` says how many containers the document was taken out of. ``every_line`` keeps
    what repeats at the edges of a PDF's pages on each of them. ``report(done, total)`` is called as pages are read.
    Pages that cannot be read are in ``problems``; the others are kept. Documents inside this one are in ``members``,
    unread. With ``slices``, a long PDF is read in several calls.

    Raises Paused, to be called again with its slice behind those before. Raises PermanentError: ``encrypted``,
    ``corrupt``, ``unsupported``, ``too_large``, ``not_installed`` or ``parser_failed``. Raises ValueError for an engine
    that does not exist. Parsing is not thread-safe, because pdfium is not: one document per process at a time.
    """
    if engine not in ("default", "fallback"):
        raise ValueError(f"engine must be 'default' or 'fallback', not {engine!r}")
    limits.check_bytes(len(data))
    try:
        found = sniff.sniff(data, name, engine, depth)
        source = replace(found, password=password, every_line=every_line, slices=slices)
        return _parse(source, limits, report)
    except MemoryError as error:
        raise out_of_memory("the document") from error


def _parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    if source.media_type == media.EMPTY:
        return ParsedDocument(media.EMPTY, 0, [], [], {}, ["The file is empty."])
    if source.text is not None:
        limits.check_text(len(source.text))
    parsed = registry.choose(source).read(source, limits, report)
    if source.encoding is not None and source.encoding not in ("utf-8", "ascii"):
        parsed.notes.append(f"The text was decoded as {source.encoding}.")
    note = sniff.mismatch(parsed.media_type, source.name)
    if note is not None:
        parsed.notes.append(note)
    return parsed
