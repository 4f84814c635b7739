"""E-books: a page for each chapter, in reading order, with its heading as label."""

import re
from collections.abc import Iterator

from pipelines.documents import Page, PageProblem, ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse import media
from pipelines.parse.clean import clean_line
from pipelines.parse.decode import declared_encoding, decode
from pipelines.parse.html import visible_text
from pipelines.parse.limits import ParseLimits
from pipelines.parse.package import Element, Package, attribute, child, children, local, resolved
from pipelines.parse.parser import Report, Source

_METADATA = {
    "title": "title",
    "creator": "author",
    "language": "language",
    "date": "created",
    "subject": "subject",
    "description": "description",
    "publisher": "publisher",
}
_HEADING = re.compile(r"^#{1,6} (.+)", re.MULTILINE)
# Fonts may be scrambled, which is no protection of the text.
_FONT_SCHEMES = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of an EPUB. Raises PermanentError ``corrupt``, ``encrypted`` or ``too_large``."""
    package = Package(source.data, limits)
    _refuse_encrypted(package)
    book = _book(package)
    root = package.xml(book)
    chapters = list(_chapters(package, book, root))
    limits.check_pages(len(chapters))
    pages: list[Page] = []
    problems: list[PageProblem] = []
    chars = 0
    for number, part in enumerate(chapters, start=1):
        try:
            text = _text(package, part)
            heading = _HEADING.search(text)
            pages.append(Page(number, clean_line(heading[1], 100) if heading else None, text))
            chars += len(text)
            limits.check_text(chars)
        except PermanentError as error:
            if error.code != "corrupt":
                raise
            problems.append(PageProblem(number, error.message))
        report(number, len(chapters))
    if not pages:
        raise PermanentError("corrupt", "The e-book names no chapter that is in it; export it anew.")
    notes = list(package.notes)
    if any(name.lower().endswith(".js") for name in package.names):
        notes.append("The e-book holds scripts, which were ignored.")
    return ParsedDocument(media.EPUB, len(chapters), pages, problems, _metadata(root), notes)


def _book(package: Package) -> str:
    """The part that lists the chapters."""
    container = package.xml_if_there("META-INF/container.xml")
    for one in () if container is None else container.iter():
        path = resolved("", attribute(one, "full-path") or "") if local(one) == "rootfile" else ""
        if path in package.names:
            return path
    found = next((name for name in sorted(package.names) if name.endswith(".opf")), None)
    if found is None:
        raise PermanentError("corrupt", "The e-book does not hold the list of its chapters; export it anew.")
    return found


def _chapters(package: Package, book: str, root: Element) -> Iterator[str]:
    items = {attribute(one, "id"): attribute(one, "href") or "" for one in children(child(root, "manifest"), "item")}
    told: set[str] = set()
    for one in children(child(root, "spine"), "itemref"):
        part = resolved(book, items.get(attribute(one, "idref")) or "")
        if part not in told:
            told.add(part)
            yield part


def _text(package: Package, part: str) -> str:
    data = package.bytes_of(part)
    decoded = decode(data, declared_encoding(data))
    if decoded is None:
        raise PermanentError("corrupt", f"The chapter {part!r} is no text.")
    return visible_text(decoded[0])


def _refuse_encrypted(package: Package) -> None:
    root = package.xml_if_there("META-INF/encryption.xml")
    schemes = [attribute(one, "Algorithm") or "" for one in ([] if root is None else root.iter())]
    if any(scheme and not scheme.startswith(_FONT_SCHEMES) and "xmlenc" in scheme for scheme in schemes):
        raise PermanentError("encrypted", "The e-book is protected against copying; submit one without protection.")


def _metadata(root: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    stated = child(root, "metadata")
    for one in () if stated is None else stated:
        key = _METADATA.get(local(one))
        value = clean_line("".join(one.itertext()))
        if key and value:
            found.setdefault(key, value)
    return found
