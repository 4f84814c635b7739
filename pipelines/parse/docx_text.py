"""One paragraph of a Word document: its text, and what stands beside it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pipelines.parse.blocks import link
from pipelines.parse.formula import formula
from pipelines.parse.ooxml import chosen, flag
from pipelines.parse.package import Element, attribute, child, children, local

PAGE = "\f"
"""In a paragraph's text: here a page begins."""

_CHARACTERS = {"tab": "\t", "ptab": "\t", "cr": "\n", "noBreakHyphen": "-"}
_DELETED = frozenset(["del", "moveFrom"])
_NOTES = {"footnoteReference": "footnote", "endnoteReference": "endnote", "commentReference": "comment"}
_SKIPPED = frozenset(["pPr", "rPr", "sdtPr", "sdtEndPr", "instrText", "delText", "rubyPr", "fldData"])


@dataclass(slots=True)
class Paragraph:
    """``boxes`` are text boxes anchored here, ``graphics`` drawings, ``notes`` as (kind, id)."""

    text: str = ""
    boxes: list[Element] = field(default_factory=list)
    graphics: list[Element] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    deleted: int = 0
    hidden: int = 0


def read_paragraph(
    element: Element, url: Callable[[str | None], str] = lambda _: "", *, rendered: bool = False
) -> Paragraph:
    """Read a ``w:p``. Pages begin where Word last broke them with ``rendered``, else where the author did."""
    reader = _Reader(url, rendered)
    text = reader.inner(element)
    reader.found.text = text
    return reader.found


class _Reader:
    def __init__(self, url: Callable[[str | None], str], rendered: bool) -> None:  # noqa: FBT001 - private
        self.found = Paragraph()
        self._url = url
        self._rendered = rendered

    def inner(self, element: Element) -> str:
        return "".join(self._one(child_) for child_ in chosen(element))

    def _one(self, element: Element) -> str:
        kind = local(element)
        if kind == "t":
            return (element.text or "") + "".join(one.tail or "" for one in element)
        if kind == "r":
            return self._run(element)
        if kind in _SKIPPED:
            return ""
        if kind in _DELETED:
            self.found.deleted += 1
            return ""
        if kind in _CHARACTERS:
            return _CHARACTERS[kind]
        if kind in _NOTES:
            self.found.notes.append((_NOTES[kind], attribute(element, "id") or ""))
            return ""
        return self._special(element, kind)

    def _special(self, element: Element, kind: str) -> str:
        if kind == "lastRenderedPageBreak":
            return PAGE if self._rendered else ""
        if kind == "br":
            by_author = attribute(element, "type") == "page" and not self._rendered
            return PAGE if by_author else "\n"
        if kind == "hyperlink":
            return link(self.inner(element), self._url(attribute(element, "id")))
        if kind in ("drawing", "pict", "object"):
            return self._graphic(element)
        if kind in ("oMath", "oMathPara"):
            return formula(element)
        if kind == "sym":
            return _symbol(attribute(element, "char"))
        if kind == "ruby":
            return f"{self.inner(_or_none(element, 'rubyBase'))}({self.inner(_or_none(element, 'rt'))})"
        return self.inner(element)

    def _run(self, run: Element) -> str:
        properties = child(run, "rPr")
        if properties is not None and flag(child(properties, "vanish")):
            self.found.hidden += 1
            return ""
        return self.inner(run)

    def _graphic(self, element: Element) -> str:
        boxes = _outermost(element, "txbxContent")
        self.found.boxes.extend(boxes)
        self.found.graphics.append(element)
        return ""


def _outermost(element: Element, name: str) -> list[Element]:
    found: list[Element] = []
    for one in chosen(element):
        found.extend([one] if local(one) == name else _outermost(one, name))
    return found


def _or_none(element: Element, name: str) -> Element:
    return next(children(element, name), ())


def _symbol(code: str | None) -> str:
    """A character of a symbol font: those in the private area mean nothing elsewhere."""
    try:
        number = int(code or "", 16)
    except ValueError:
        return ""
    return "" if number >= 0xD800 else chr(number)
