"""OpenDocument files: text documents by their pages, presentations by their slides, spreadsheets by their sheets.

Read by a walk over ``content.xml``: odfpy, the library for it, has had no release since 2020.
"""

import re
from collections.abc import Iterator

from pipelines.documents import ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse.blocks import Blocks, tidy
from pipelines.parse.clean import clean_line
from pipelines.parse.limits import ParseLimits
from pipelines.parse.odf_lists import Numbers
from pipelines.parse.odf_text import OdfText, repeated
from pipelines.parse.package import Element, Package, attribute, child, children, local
from pipelines.parse.parser import Report, Source
from pipelines.parse.sheets import Sheet
from pipelines.parse.slide_order import Box, in_order

_METADATA = {
    "title": "title",
    "subject": "subject",
    "description": "description",
    "initial-creator": "author",
    "creator": "author",
    "keyword": "keywords",
    "language": "language",
    "creation-date": "created",
    "date": "modified",
}
_LENGTH = re.compile(r"(-?\d{1,9}(?:\.\d{1,9})?)(cm|mm|in|pt)")
_NUMBER = re.compile(r"\d+")
_KINDS = {
    f"{kind}{pages}": name
    for kind, name in (("header", "Header"), ("footer", "Footer"))
    for pages in ("", "-left", "-first")
}
_UNITS = {"cm": 10.0, "mm": 1.0, "in": 25.4, "pt": 25.4 / 72}


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of an ODT, ODS or ODP. Raises PermanentError ``corrupt``, ``encrypted`` or ``too_large``."""
    package = Package(source.data, limits)
    _refuse_encrypted(package)
    body = child(package.xml("content.xml"), "body")
    if body is None or not len(body):
        raise PermanentError("corrupt", "The part 'content.xml' holds no document; export the file anew.")
    content = next((one for one in body if local(one) in _WRITERS), body[0])
    blocks = Blocks(limits)
    notes: list[str] = []
    styles = package.xml_if_there("styles.xml")
    numbers = Numbers(styles, child(package.xml("content.xml"), "automatic-styles"))
    text = OdfText(blocks, numbers)
    _WRITERS.get(local(content), _write_text)(content, blocks, text, notes)
    if local(content) == "text":
        for line in _headers_and_footers(styles, text):
            blocks.aside(line)
    pages = blocks.pages()
    report(len(pages), len(pages))
    if any(name.startswith(("Basic/", "Scripts/")) for name in package.names):
        notes.append("The document holds macros, which were ignored.")
    metadata = _metadata(package)
    return ParsedDocument(source.media_type, len(pages), pages, [], metadata, [*package.notes, *notes])


def _write_text(content: Element, blocks: Blocks, text: OdfText, notes: list[str]) -> None:
    del blocks
    deleted = OdfText.deletions(content)
    text.blocks_of(content)
    if deleted:
        notes.append(f"{deleted} passages deleted as tracked changes were left out.")


def _headers_and_footers(styles: Element | None, text: OdfText) -> Iterator[str]:
    """Those of all kinds of pages, each once: they tell, but for the number of the page, often the same."""
    told: set[str] = set()
    for one in () if styles is None else styles.iter():
        name = _KINDS.get(local(one))
        if name is None or attribute(one, "display") == "false":
            continue
        said = " ".join(" ".join(text.text(paragraph) for paragraph in one.iter() if local(paragraph) == "p").split())
        bare = _NUMBER.sub("", said)
        if any(map(str.isalpha, bare.lower().replace("page", ""))) and bare not in told:
            told.add(bare)
            yield f"{name}: {said}"


def _write_slides(content: Element, blocks: Blocks, text: OdfText, notes: list[str]) -> None:
    del notes
    for number, slide in enumerate(children(content, "page"), start=1):
        titles = [one for one in children(slide, "frame") if attribute(one, "class") == "title"]
        title = clean_line(" ".join(" ".join("".join(one.itertext()).split()) for one in titles))
        blocks.new_page(title or attribute(slide, "name") or f"slide {number}")
        blocks.heading(1, title)
        for one in titles:
            slide.remove(one)
        spoken = child(slide, "notes")
        if spoken is not None:
            slide.remove(spoken)
            boxes = [one for frame in children(spoken, "frame") for one in children(frame, "text-box")]
            said = [tidy(text.text(one)) for box in boxes for one in box.iter() if local(one) == "p"]
            blocks.aside("Notes: " + "\n".join(filter(None, said)) if any(said) else "")
        for one in in_order(list(slide), _place):
            text.block(one)


def _place(shape: Element) -> Box | None:
    numbers = [_LENGTH.match(attribute(shape, name) or "") for name in ("x", "y", "width", "height")]
    lengths = [float(match[1]) * _UNITS.get(match[2], 1.0) for match in numbers if match is not None]
    if len(lengths) < 4:
        return None
    left, top, width, height = lengths
    return Box(left, top, left + width, top + height)


def _write_sheets(content: Element, blocks: Blocks, text: OdfText, notes: list[str]) -> None:
    del text, notes
    for table in children(content, "table"):
        Sheet(blocks, attribute(table, "name") or "").write(_rows(table))


def _rows(table: Element) -> Iterator[list[str]]:
    """The rows, with what is repeated repeated, within reason: a claim of a million costs its file a few bytes."""
    texts = OdfText(Blocks(ParseLimits()))
    for row in (one for one in table.iter() if local(one) == "table-row"):
        cells: list[str] = []
        for cell in row:
            if local(cell) in ("table-cell", "covered-table-cell"):
                text = "\n".join(texts.text(one) for one in cell if local(one) == "p")
                cells.extend([text] * min(repeated(cell, "number-columns-repeated"), 1_000 if text else 20_000))
        filled = any(cells)
        for _ in range(min(repeated(row, "number-rows-repeated"), 1_000 if filled else 1)):
            yield cells


_WRITERS = {"text": _write_text, "presentation": _write_slides, "drawing": _write_slides, "spreadsheet": _write_sheets}


def _refuse_encrypted(package: Package) -> None:
    manifest = package.xml_if_there("META-INF/manifest.xml")
    if manifest is not None and any(local(one) == "encryption-data" for one in manifest.iter()):
        raise PermanentError("encrypted", "The document is encrypted; save it without a password and submit it again.")


def _metadata(package: Package) -> dict[str, str]:
    found: dict[str, str] = {}
    root = child(package.xml_if_there("meta.xml"), "meta")
    for one in () if root is None else root:
        key = _METADATA.get(local(one))
        value = clean_line("".join(one.itertext()))
        if key and value:
            found.setdefault(key, value)
    return found
