"""The walk over the content of OpenDocument files."""

from pipelines.parse.blocks import Blocks, link, tidy
from pipelines.parse.odf_lists import Numbers
from pipelines.parse.package import Element, attribute, child, children, local

_SKIPPED = frozenset(
    ["tracked-changes", "sequence-decls", "variable-decls", "user-field-decls", "forms", "script", "event-listeners"]
)
_CHARACTERS = {"tab": "\t", "line-break": "\n"}
_DEEPEST = 100


class OdfText:
    """Writes paragraphs, headings, lists, tables and frames to ``blocks``; notes go to the end of their page."""

    def __init__(self, blocks: Blocks, numbers: Numbers | None = None) -> None:
        self._blocks = blocks
        self._numbers = numbers or Numbers()
        self._depth = 0
        self._beside: list[Element] = []

    @staticmethod
    def deletions(content: Element) -> int:
        """How many passages are deleted in it as tracked changes, which are left out."""
        return sum(local(change) == "deletion" for change in content.iter())

    def blocks_of(self, element: Element, list_depth: int = -1) -> None:
        """Write all blocks in an element."""
        if self._depth > _DEEPEST:
            return
        self._depth += 1
        for one in element:
            self._block(one, local(one), list_depth)
        self._depth -= 1

    def block(self, element: Element) -> None:
        """Write one block."""
        self._block(element, local(element), -1)

    def _block(self, one: Element, kind: str, list_depth: int) -> None:
        if kind == "h":
            level = repeated(one, "outline-level")
            self._heading(level, f"{self._numbers.heading(one, level)} {self.text(one)}")
        elif kind == "p":
            self._paragraph(one)
        elif kind in ("list-item", "list-header"):
            self._item(one, list_depth)
        elif kind == "list":
            self._numbers.begin(one)
            self.blocks_of(one, list_depth + 1)
            self._numbers.end()
        elif kind == "table":
            self._table(one)
        elif kind == "soft-page-break":
            self._blocks.new_page(keep_empty=True)
        elif kind == "annotation":
            self._annotation(one)
        elif kind not in _SKIPPED:
            self.blocks_of(one, list_depth)

    def _paragraph(self, one: Element) -> None:
        for index, piece in enumerate(self.text(one).split("\f")):
            if index:
                self._blocks.new_page(keep_empty=True)
            self._blocks.paragraph(piece)
        self._flush()

    def text(self, element: Element) -> str:
        """The text of a paragraph; what is anchored in it is written behind it."""
        parts = [element.text or ""]
        for one in element:
            parts.append(self._inline(one, local(one)))
            parts.append(one.tail or "")
        return "".join(parts)

    def _inline(self, one: Element, kind: str) -> str:
        if kind in _CHARACTERS:
            return _CHARACTERS[kind]
        if kind == "s":
            count = attribute(one, "c") or "1"
            return " " * min(int(count) if count.isdigit() else 1, 20)
        if kind == "a":
            return link(self.text(one), attribute(one, "href") or "")
        if kind == "soft-page-break":
            return "\f"
        if kind == "note":
            body = child(one, "note-body")
            text = "" if body is None else " ".join("".join(body.itertext()).split())
            self._blocks.aside(f"{(attribute(one, 'note-class') or 'footnote').capitalize()}: {text}" if text else "")
            return ""
        if kind == "annotation":
            self._annotation(one)
            return ""
        if kind in ("frame", "custom-shape", "rect", "g", "text-box", "line", "path", "ellipse", "object"):
            self._beside.append(one)
            return ""
        if kind == "page-number":
            return ""
        if kind == "ruby":
            return "".join(one.itertext()) if child(one, "ruby-text") is None else _ruby(one)
        return "" if kind in _SKIPPED or not kind else self.text(one)

    def _heading(self, level: int, text: str) -> None:
        if "\f" in text:
            self._blocks.new_page(keep_empty=True)
        self._blocks.heading(level, text.replace("\f", " "))
        self._flush()

    def _flush(self) -> None:
        beside, self._beside = self._beside, []
        for one in beside:
            self.blocks_of(one)

    def _item(self, item: Element, depth: int) -> None:
        headings = list(children(item, "h"))
        texts = [self.text(one).replace("\f", "") for one in item if local(one) in ("p", "h")]
        text = "\n".join(text for text in texts if text.strip())
        marker = self._numbers.marker(item, depth) if text and local(item) == "list-item" else "-"
        if headings:  # chapters that are numbered are items of a list as well
            self._heading(repeated(headings[0], "outline-level"), text if marker == "-" else f"{marker} {text}")
        else:
            self._blocks.item(text, depth, marker)
        self._flush()
        for one in item:
            if local(one) not in ("p", "h"):
                self._block(one, local(one), depth)

    def _annotation(self, one: Element) -> None:
        author = "".join("".join(who.itertext()) for who in children(one, "creator"))
        text = " ".join(" ".join("".join(said.itertext()).split()) for said in one if local(said) in ("p", "list"))
        if text:
            self._blocks.aside(f"Comment: {author}: {text}" if author else f"Comment: {text}")

    def _table(self, table: Element) -> None:
        rows = [_cells(row) for row in _through(table, "table-row")]
        if any(child(cell, "table") is not None for row in rows for cell in row) or all(len(row) < 2 for row in rows):
            for row in rows:
                for cell in row:
                    self.blocks_of(cell)
            return
        self._blocks.table([[self._cell(cell) for cell in row] for row in rows])
        self._flush()

    def _cell(self, cell: Element) -> str:
        return tidy("\n".join(self.text(one).replace("\f", "") for one in cell.iter() if local(one) in ("p", "h")))


def _ruby(element: Element) -> str:
    texts = (child(element, "ruby-base"), child(element, "ruby-text"))
    base, over = ("" if found is None else "".join(found.itertext()) for found in texts)
    return f"{base}({over})"


def _through(element: Element, name: str) -> list[Element]:
    """Descendants of that name, but not those in tables inside of the table."""
    found: list[Element] = []
    for one in element:
        if local(one) == name:
            found.append(one)
        elif local(one) in ("table-header-rows", "table-rows", "table-row-group"):
            found.extend(_through(one, name))
    return found


def _cells(row: Element) -> list[Element]:
    return [one for one in row if local(one) in ("table-cell", "covered-table-cell")]


def repeated(element: Element, name: str) -> int:
    """A number that an attribute claims, such as how often a cell stands there; 1 without it."""
    count = attribute(element, name) or "1"
    return int(count) if count.isdigit() and len(count) < 10 else 1
