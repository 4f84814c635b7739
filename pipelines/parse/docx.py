"""Word documents: text in reading order, with headings, numbered lists, tables, footnotes and comments, page by page.

Read by a walk over the XML rather than by python-docx, which leaves out content controls, text boxes, tracked
insertions and footnotes. What is hidden or deleted (as a tracked change) stays out; what is inserted stays in.
"""

from pipelines.documents import ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse import media
from pipelines.parse.blocks import Blocks
from pipelines.parse.docx_parts import Parts
from pipelines.parse.docx_styles import Numbering, Styles
from pipelines.parse.docx_walk import Walk
from pipelines.parse.limits import ParseLimits
from pipelines.parse.ooxml import embedded, main_part, notes_on_active_content, of_kind, properties, relations
from pipelines.parse.package import Package, child
from pipelines.parse.parser import Report, Source


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of a DOCX, DOCM or DOTX. Raises PermanentError ``corrupt``, ``encrypted`` or ``too_large``."""
    package = Package(source.data, limits)
    part = main_part(package, "word/document.xml")
    body = child(package.xml(part), "body")
    if body is None:
        raise PermanentError("corrupt", f"The part {part!r} is no Word document; export it anew.")
    found = relations(package, part)
    styles = Styles(package.xml_if_there(next(iter(of_kind(found, "styles")), "word/styles.xml")))
    numbering = Numbering(package.xml_if_there(next(iter(of_kind(found, "numbering")), "word/numbering.xml")))
    blocks = Blocks(limits)
    parts = Parts(package, found)
    walk = Walk(blocks, styles, numbering, parts, part)
    walk.body(body)
    for text in parts.headers_and_footers():
        blocks.aside(text)
    pages = blocks.pages()
    report(len(pages), len(pages))
    metadata, members = properties(package), embedded(package, source, limits)
    notes = [*package.notes, *notes_on_active_content(package), *walk.notes(), *members.all_notes()]
    return ParsedDocument(media.DOCX, len(pages), pages, [], metadata, notes, members.taken)
