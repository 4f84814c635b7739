"""HTML: the text that a reader would see, with its headings, lists and tables written as Markdown."""

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipelines.documents import Page, ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse.clean import clean, clean_line
from pipelines.parse.failures import PARSER_FAILURES, reason
from pipelines.parse.html_depth import DEEPEST, shallow
from pipelines.parse.html_writer import WITH_ATTRIBUTES, Writer
from pipelines.parse.limits import ParseLimits
from pipelines.parse.parser import Report, Source

_SKIPPED = frozenset(
    [
        "head",
        "title",
        "script",
        "style",
        "noscript",
        "template",
        "svg",
        "math",
        "canvas",
        "object",
        "iframe",
        "video",
        "audio",
        "datalist",
        "-comment",
        "-doctype",
    ]
)
_HIDDEN = '[hidden],[style*="display:none"],[style*="display: none"]'
# Pages hide themselves until their script has run; their text is meant to be read all the same.
_NEVER_HIDDEN = ("html", "body", "-document")
_META = {"author": "author", "description": "description", "keywords": "keywords"}


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of a decoded HTML text, on one page. Raises PermanentError ``corrupt`` or ``too_large``."""
    try:
        content, cut = shallow(source.text or "")
        tree = LexborHTMLParser(content)
        metadata = _metadata(tree)
        text = clean(_visible_text(tree))
    except PARSER_FAILURES as error:
        raise PermanentError("corrupt", f"The HTML cannot be read: {reason(error)}.") from error
    limits.check_text(len(text))
    notes = [f"Of elements nested deeper than {DEEPEST:,} only the text was kept."] if cut else []
    report(1, 1)
    return ParsedDocument("text/html", 1, [Page(1, None, text)], [], metadata, notes)


def visible_text(content: str) -> str:
    """The text that a reader of some HTML would see, as Markdown."""
    return clean(_visible_text(LexborHTMLParser(shallow(content)[0])))


def _metadata(tree: LexborHTMLParser) -> dict[str, str]:
    found: dict[str, str] = {}
    title = tree.css_first("title")
    root = tree.css_first("html")
    values = [
        ("title", title.text() if title is not None else None),
        ("language", root.attributes.get("lang") if root is not None else None),
    ]
    for meta in tree.css("meta[name]")[:100]:
        name = _META.get((meta.attributes.get("name") or "").lower())
        if name is not None:
            values.append((name, meta.attributes.get("content")))
    for key, value in values:
        line = clean_line(value or "")
        if line:
            found.setdefault(key, line)
    return found


def _visible_text(tree: LexborHTMLParser) -> str:
    """Walk the tree without recursion: files nest a hundred thousand elements deep."""
    if tree.root is None:
        return ""
    hidden = {node.mem_id for node in tree.css(_HIDDEN) if node.tag not in _NEVER_HIDDEN}
    writer = Writer()
    parents: list[LexborNode] = []
    node: LexborNode | None = tree.root
    while node is not None:
        entered = _enter(node, hidden, writer)
        child = node.first_child if entered else None
        if child is not None:
            parents.append(node)
            node = child
            continue
        if entered:
            writer.leave(node.tag or "")
        while (following := node.next) is None and parents:
            node = parents.pop()
            writer.leave(node.tag or "")
        node = following if parents else None
    return writer.finish()


def _enter(node: LexborNode, hidden: set[int], writer: Writer) -> bool:
    """Write what begins with a node; whether its children are to be visited."""
    tag = node.tag or ""
    if tag == "-text":
        writer.text(node.text_content or "")
        return False
    if tag in _SKIPPED or (hidden and node.mem_id in hidden):
        return False
    attributes = node.attributes if tag in WITH_ATTRIBUTES else {}
    writer.enter(tag, attributes)
    return True
