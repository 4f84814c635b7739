"""Files attached to a PDF, or to a spot on one of its pages: read by pypdf, which bounds what they unpack to."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from io import BytesIO
from itertools import islice

from pypdf import PdfReader
from pypdf.generic import DictionaryObject, EmbeddedFile

from pipelines.documents import Page, ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse.clean import clean_line
from pipelines.parse.failures import PARSER_FAILURES, reason
from pipelines.parse.limits import ParseLimits, Unpacking
from pipelines.parse.members import Members
from pipelines.parse.parser import Source
from pipelines.parse.quiet import quiet

_MOST = 10_000


def with_attached(parsed: ParsedDocument, source: Source, limits: ParseLimits, pages: Iterable[int]) -> ParsedDocument:
    """The document with its attachments as members, listed at its end; ``pages`` are those that have some, from 0.

    What cannot be read is noted; the document is as good as it was.
    """
    members = Members(limits, source.depth)
    with quiet("pypdf"):
        try:
            reader = _reader(source)
            _take(_found(reader, pages), members, Unpacking(limits), len(source.data))
        except PARSER_FAILURES as error:
            members.notes.append(f"Attached files could not be read: {reason(error)}.")
    notes = [*parsed.notes, *members.all_notes()]
    return replace(parsed, pages=_listed(parsed.pages, members.listed), notes=notes, members=members.taken)


def _reader(source: Source) -> PdfReader:
    reader = PdfReader(BytesIO(source.data), strict=False)
    if reader.is_encrypted and not reader.decrypt(source.password or ""):
        reader.decrypt("")
    return reader


def _found(reader: PdfReader, pages: Iterable[int]) -> Iterator[EmbeddedFile]:
    yield from islice(reader.attachment_list, _MOST)
    for page in pages:
        annotations = reader.pages[page].get("/Annots")
        for annotation in islice(annotations.get_object() if annotations else (), _MOST):
            file = annotation.get_object().get("/FS")
            if file is not None and isinstance(file.get_object(), DictionaryObject):
                yield EmbeddedFile("unnamed", file.get_object())


def _take(found: Iterable[EmbeddedFile], members: Members, unpacking: Unpacking, packed: int) -> None:
    for attached in found:
        path = "unnamed"
        try:
            path = str(attached.alternative_name or attached.name)
            if not members.wanted:
                members.name(path)
                continue
            content = attached.content
            unpacking.begin(path, packed)
            unpacking.add(len(content))
            members.take(path, content, _media_type(attached))
        except PermanentError as error:
            members.skip(path, error.message.rstrip("."))
        except PARSER_FAILURES as error:
            members.skip(path, reason(error))


def _media_type(attached: EmbeddedFile) -> str | None:
    stated = clean_line(str(attached.subtype or "").removeprefix("/"), 100)
    return stated if "/" in stated else None


def _listed(pages: list[Page], names: list[str]) -> list[Page]:
    """The pages, with the names below the last of them: the document is found by them."""
    if not names or not pages:
        return pages
    last = pages[-1]
    parts = [last.text, "## Attachments", "\n".join(f"- {name}" for name in names)]
    return [*pages[:-1], replace(last, text="\n\n".join(filter(None, parts)))]
