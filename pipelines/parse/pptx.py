"""PowerPoint files: a page for each slide, with its title, text, tables, charts, speaker notes and comments."""

from collections.abc import Iterator

from pipelines.documents import ParsedDocument
from pipelines.parse import media
from pipelines.parse.blocks import Blocks
from pipelines.parse.drawing import linked_text, paragraphs, table_rows
from pipelines.parse.limits import ParseLimits
from pipelines.parse.ooxml import (
    Relation,
    chosen,
    embedded,
    main_part,
    notes_on_active_content,
    of_kind,
    properties,
    relations,
)
from pipelines.parse.package import Element, Package, attribute, child, children, local
from pipelines.parse.parser import Report, Source
from pipelines.parse.pptx_lists import lines
from pipelines.parse.pptx_places import Places, holder
from pipelines.parse.slide_order import in_order

_TITLES = ("title", "ctrTitle")
# Of every slide the same, or a number.
_FURNITURE = ("sldNum", "dt", "hdr")
_SHAPES = ("sp", "cxnSp", "grpSp", "graphicFrame")
_DEEPEST_GROUP = 50


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of a PPTX, PPTM or PPSX. Raises PermanentError ``corrupt``, ``encrypted`` or ``too_large``."""
    package = Package(source.data, limits)
    main = main_part(package, "ppt/presentation.xml")
    slides = list(_slides(package, main))
    limits.check_pages(len(slides))
    blocks = Blocks(limits)
    hidden = []
    backgrounds: set[str] = set()
    for number, part in enumerate(slides, start=1):
        root = package.xml_if_there(part)
        slide = _Slide(package, part, blocks, backgrounds)
        blocks.new_page(slide.title(root) or f"slide {number}")
        if root is not None:
            slide.write(root)
            if (attribute(root, "show") or "1") in ("0", "false"):
                hidden.append(str(number))
        report(number, len(slides))
    pages = blocks.pages()
    metadata, members = properties(package), embedded(package, source, limits)
    notes = [*package.notes, *notes_on_active_content(package), *members.all_notes()]
    if hidden:
        notes.append(f"Slides that the show leaves out were read as well: {', '.join(hidden[:50])}.")
    return ParsedDocument(media.PPTX, len(pages), pages, [], metadata, notes, members.taken)


def _slides(package: Package, main: str) -> Iterator[str]:
    """The parts of the slides in order; those that the list names in vain are left out."""
    found = relations(package, main)
    for one in children(child(package.xml(main), "sldIdLst"), "sldId"):
        # An "id" without a namespace is there too: it is the slide's, not the relation's.
        relation = next((found[value] for key, value in one.attrib.items() if "}" in key and value in found), None)
        if relation is not None and not relation.external and relation.target in package.names:
            yield relation.target


class _Slide:
    def __init__(self, package: Package, part: str, blocks: Blocks, backgrounds: set[str]) -> None:
        self._package = package
        self._part = part
        self._blocks = blocks
        self._backgrounds = backgrounds
        self._places = Places(package, part)
        self._found: dict[str, Relation] = relations(package, part)

    def title(self, root: Element | None) -> str:
        shape = None if root is None else self._title_shape(root)
        return "" if shape is None else " ".join(paragraphs(shape))

    def write(self, root: Element) -> None:
        title = self._title_shape(root)
        if title is not None:
            self._blocks.heading(1, " ".join(paragraphs(title)))
        self._shapes(child(root, "cSld", "spTree"), title, 0)
        for part in of_kind(self._found, "notesSlide"):
            notes = self._package.xml_if_there(part)
            for shape in () if notes is None else notes.iter():
                if local(shape) == "sp" and _placeholder(shape) == "body":
                    self._blocks.aside("Notes: " + "\n".join(paragraphs(shape)) if any(paragraphs(shape)) else "")
        for part in of_kind(self._found, "comments"):
            comments = self._package.xml_if_there(part)
            for one in () if comments is None else comments.iter():
                if local(one) in ("text", "t") and one.text:
                    self._blocks.aside(f"Comment: {one.text}")
        self._background()

    def _background(self) -> None:
        """What the layout and its master write on slides, where it is seen first."""
        for tree in self._places.backgrounds:
            for shape in tree.iter():
                text = "\n".join(paragraphs(shape)) if local(shape) == "sp" and holder(shape) is None else ""
                if text and text not in self._backgrounds:
                    self._backgrounds.add(text)
                    self._blocks.aside(f"Background: {text}")

    def _title_shape(self, root: Element) -> Element | None:
        tree = child(root, "cSld", "spTree")
        shapes = () if tree is None else tree.iter()
        return next((one for one in shapes if local(one) == "sp" and _placeholder(one) in _TITLES), None)

    def _shapes(self, tree: Element | None, title: Element | None, depth: int) -> None:
        shapes = [] if tree is None or depth > _DEEPEST_GROUP else chosen(tree)
        for shape in in_order([one for one in shapes if local(one) in _SHAPES], self._places.of):
            kind = local(shape)
            if kind == "grpSp":
                self._shapes(shape, title, depth + 1)
            elif kind == "graphicFrame":
                self._graphic(shape)
            elif shape is not title and _placeholder(shape) not in _FURNITURE:
                self._text(shape)

    def _graphic(self, frame: Element) -> None:
        tables = [one for one in frame.iter() if local(one) == "tbl"]
        for table in tables:
            self._blocks.table(table_rows(table, self._found))
        for line in [] if tables else linked_text(self._package, self._part, frame):
            self._blocks.paragraph(line)

    def _text(self, shape: Element) -> None:
        for text, depth, marker in lines(shape, self._found, listed=_placeholder(shape) in ("body", "obj")):
            if marker is None:
                self._blocks.paragraph(text)
            else:
                self._blocks.item(text, depth, marker)


def _placeholder(shape: Element) -> str | None:
    """What the shape stands for in its layout; None for a shape of its own."""
    found = holder(shape)
    return None if found is None else attribute(found, "type") or "obj"
