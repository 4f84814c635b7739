"""The walk over a Word document's body."""

from pipelines.parse.blocks import Blocks, tidy
from pipelines.parse.decode import decode
from pipelines.parse.docx_parts import Parts
from pipelines.parse.docx_styles import BODY_LEVEL, Numbering, Styles, number, value
from pipelines.parse.docx_text import PAGE, Paragraph, read_paragraph
from pipelines.parse.drawing import linked_text
from pipelines.parse.ooxml import chosen, flag
from pipelines.parse.package import Element, attribute, child, children, local

_DEEPEST = 40
_MOST_SPANNED = 100


class Walk:
    """Writes what it finds to ``blocks``. ``rendered``: pages are where Word broke them when it last saved."""

    def __init__(self, blocks: Blocks, styles: Styles, numbering: Numbering, parts: Parts, part: str) -> None:
        self._blocks = blocks
        self._styles = styles
        self._numbering = numbering
        self._parts = parts
        self._part = part
        self._rendered = False
        self._depth = 0
        self._counts = {"deleted": 0, "hidden": 0}

    def body(self, body: Element) -> None:
        """Write all blocks of a body."""
        self._rendered = any(local(one) == "lastRenderedPageBreak" for one in body.iter())
        self._inner(body)

    def notes(self) -> list[str]:
        """Sentences on what was left out."""
        notes = []
        if self._counts["deleted"]:
            notes.append(f"{self._counts['deleted']} passages deleted as tracked changes were left out.")
        if self._counts["hidden"]:
            notes.append(f"{self._counts['hidden']} hidden passages were left out.")
        return notes

    def _inner(self, element: Element) -> None:
        if self._depth > _DEEPEST:  # text boxes in tables in text boxes: no person wrote that
            return
        self._depth += 1
        for one in chosen(element):
            kind = local(one)
            if kind == "p":
                self._paragraph(one)
            elif kind == "tbl":
                self._table(one)
            elif kind == "altChunk":
                self._other_document(one)
            elif kind not in ("sectPr", "sdtPr", "sdtEndPr", "del", "moveFrom"):
                self._inner(one)
        self._depth -= 1

    def _read(self, element: Element) -> Paragraph:
        read = read_paragraph(element, self._parts.url, rendered=self._rendered)
        self._counts["deleted"] += read.deleted
        self._counts["hidden"] += read.hidden
        return read

    def _paragraph(self, element: Element) -> None:
        read = self._read(element)
        if not self._rendered and flag(child(element, "pPr", "pageBreakBefore")):
            self._blocks.new_page()
        for index, piece in enumerate(read.text.split(PAGE)):
            if index:
                self._blocks.new_page(keep_empty=self._rendered)
            if piece.strip():
                self._styled(element, piece)
        self._beside(read)

    def _styled(self, element: Element, text: str) -> None:
        style = value(element, "pPr", "pStyle")
        outline = number(value(element, "pPr", "outlineLvl"))
        level = self._styles.level(style) if outline is None else outline + 1 if outline < BODY_LEVEL else None
        marker, depth = self._marker(element, style)
        if level is not None:
            self._blocks.heading(level, f"{marker} {text}" if marker not in (None, "-") else text)
        elif marker is not None:
            self._blocks.item(text, depth, marker)
        else:
            self._blocks.paragraph(text)

    def _marker(self, element: Element, style: str | None) -> tuple[str | None, int]:
        own = child(element, "pPr", "numPr")
        list_id, depth = self._styles.numbering(style)
        if own is not None:
            list_id = value(own, "numId") or list_id
            depth = number(value(own, "ilvl")) or (0 if value(own, "ilvl") else depth)
        return self._numbering.marker(list_id, depth), depth

    def _beside(self, read: Paragraph) -> None:
        """What is anchored in a paragraph: boxes and charts behind it, notes at the end of the page."""
        for box in read.boxes:
            self._inner(box)
        for graphic in read.graphics:
            for line in linked_text(self._parts.package, self._part, graphic):
                self._blocks.paragraph(line)
        for kind, note_id in read.notes:
            text = self._parts.note(kind, note_id)
            if text:
                self._blocks.aside(f"{kind.capitalize()}: {text}")

    def _table(self, table: Element) -> None:
        rows = _through(table, "tr")
        cells = [_through(row, "tc") for row in rows]
        if all(len(row) < 2 for row in cells) or any(_is_layout(cell) for row in cells for cell in row):
            for row in cells:
                for cell in row:
                    self._inner(cell)
            return
        written: list[list[str]] = []
        beside: list[Paragraph] = []
        for row, inside in zip(rows, cells, strict=True):
            texts, pages = self._row(inside, beside)
            texts = _empty(number(value(row, "trPr", "gridBefore")) or 0) + texts  # it begins in a later column
            if pages and written:
                self._blocks.table(written)
                written = written[:1]  # the head, again
            for _ in range(pages):
                self._blocks.new_page(keep_empty=True)
            written.append(texts)
        self._blocks.table(written)
        for read in beside:
            self._beside(read)

    def _row(self, cells: list[Element], beside: list[Paragraph]) -> tuple[list[str], int]:
        """The texts of a row, and how many pages begin in it."""
        texts: list[str] = []
        pages = 0
        for cell in cells:
            paragraphs = _through(cell, "p")
            reads = [self._read(one) for one in paragraphs]
            beside.extend(reads)
            text = "\n".join(map(self._numbered, paragraphs, reads))
            pages = max(pages, text.count(PAGE))
            continued = child(cell, "tcPr", "vMerge")
            merged_above = continued is not None and attribute(continued, "val") != "restart"
            texts.append("" if merged_above else tidy(text.replace(PAGE, "")))
            texts += _empty((number(value(cell, "tcPr", "gridSpan")) or 1) - 1)
        return texts, pages

    def _numbered(self, element: Element, read: Paragraph) -> str:
        """A paragraph of a cell, where a list cannot be, with its number at least."""
        marker, _ = self._marker(element, value(element, "pPr", "pStyle")) if read.text.strip() else (None, 0)
        return read.text if marker in (None, "-") else f"{marker} {read.text}"

    def _other_document(self, element: Element) -> None:
        """HTML that a program put in whole."""
        from pipelines.parse.html import visible_text

        part = self._parts.linked(attribute(element, "id"))
        decoded = decode(self._parts.package.bytes_of(part)) if part is not None else None
        if decoded is not None and "<" in decoded[0]:
            self._blocks.markdown(visible_text(decoded[0]))
        else:
            self._parts.package.notes.append(f"The part {part!r}, a document within the document, was left out.")


def _through(element: Element, name: str) -> list[Element]:
    """Children of that name, also those inside content controls and tracked insertions."""
    found: list[Element] = []
    for one in chosen(element):
        kind = local(one)
        if kind == name:
            found.append(one)
        elif kind in ("sdt", "sdtContent", "ins", "customXml", "moveTo"):
            found.extend(_through(one, name))
    return found


def _empty(cells: int) -> list[str]:
    return [""] * min(cells, _MOST_SPANNED)


def _is_layout(cell: Element) -> bool:
    """Whether a cell holds more than a Markdown table can: a table of its own, or running text."""
    if any(True for _ in children(cell, "tbl")):
        return True
    return len(_through(cell, "p")) > 6
