"""XML: running text as paragraphs, titles as headings, and data as lines of ``name: value``."""

import re

from pipelines.documents import Page, ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse import media
from pipelines.parse.blocks import Blocks
from pipelines.parse.clean import clean, clean_line
from pipelines.parse.limits import ParseLimits
from pipelines.parse.package import Element, local, parse_xml
from pipelines.parse.parser import Report, Source

_PROSE = frozenset(["p", "para", "simpara", "title", "subtitle", "head", "abstract", "text", "td", "th", "li", "entry"])
_TITLES = frozenset(["title", "head", "article-title", "chapter-title"])
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_LARGEST = 80_000_000


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of an XML text; what is beyond repair is kept as plain text, with a note.

    Raises PermanentError ``too_large``.
    """
    try:
        root, note = _root(source)
    except PermanentError as error:
        note = f"{error.message} The text was kept as it is."
        return ParsedDocument(media.XML, 1, [Page(1, None, clean(source.text or ""))], [], {}, [note])
    blocks = Blocks(limits)
    _write(root, blocks, 1)
    title = next((one for one in root.iter() if local(one) in _TITLES), None)
    line = "" if title is None else clean_line(" ".join(title.itertext()))
    pages = blocks.pages()
    report(1, 1)
    return ParsedDocument(media.XML, len(pages), pages, [], {"title": line} if line else {}, [note] if note else [])


def _root(source: Source) -> tuple[Element, str | None]:
    if len(source.data) > _LARGEST:
        raise PermanentError("corrupt", f"The XML is larger than the {_LARGEST:,} bytes that are read as a tree.")
    # As text that was decoded already: what a file says of its encoding is often wrong.
    return parse_xml(_DECLARATION.sub("", source.text or "").lstrip().encode("utf-8", "replace"), "The file")


def _write(element: Element, blocks: Blocks, level: int) -> None:
    name = local(element)
    if not name:
        return
    if _has_text(element) or (not len(element) and name in _PROSE):
        text = clean_line(" ".join("".join(element.itertext()).split()), 1_000_000)
        if name in _TITLES:
            blocks.heading(min(level, 6), text)
        elif name in _PROSE or len(element):
            blocks.paragraph(text)
        else:
            blocks.item(f"{name}: {text}" if text else "")
        return
    attributes = ", ".join(f"{key.rpartition('}')[2]}={value}" for key, value in element.attrib.items() if value)
    if attributes:
        blocks.item(f"{name}: {attributes}")
    for one in element:
        _write(one, blocks, level + (name in ("sec", "section", "chapter", "part", "div")))


def _has_text(element: Element) -> bool:
    pieces = [element.text, *(one.tail for one in element)]
    return any(piece and not piece.isspace() for piece in pieces)
