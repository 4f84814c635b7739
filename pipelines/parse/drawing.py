"""Text in drawings of Office files: shapes, charts and diagrams."""

from collections.abc import Iterator
from datetime import timedelta

from pipelines.parse.blocks import link, tidy
from pipelines.parse.date_format import is_date
from pipelines.parse.formula import formula
from pipelines.parse.number_format import shown
from pipelines.parse.ooxml import Relation, chosen, relations
from pipelines.parse.package import Element, Package, attribute, child, children, local

_LABELS = 2_000


def paragraph_text(element: Element, found: dict[str, Relation] | None = None) -> str:
    """The text of an ``a:p``."""
    return "".join(_run(one, found or {}) for one in chosen(element))


def paragraphs(element: Element, found: dict[str, Relation] | None = None) -> Iterator[str]:
    """The texts of all ``a:p`` in an element, without the empty ones."""
    for one in element.iter():
        if local(one) == "p":
            text = tidy(paragraph_text(one, found))
            if text:
                yield text


def table_rows(table: Element, found: dict[str, Relation] | None = None) -> list[list[str]]:
    """The cells of an ``a:tbl``; of merged ones the first holds the text."""
    return [["\n".join(paragraphs(cell, found)) for cell in children(row, "tc")] for row in children(table, "tr")]


def chart_lines(root: Element) -> list[str]:
    """The title and labels of a chart, and the values of its series."""
    lines = [text for one in root.iter() if local(one) == "title" for text in paragraphs(one)]
    for series in (one for one in root.iter() if local(one) == "ser"):
        name = _cached(child(series, "tx"))
        categories, values = (
            _cached(child(series, kind)) or _cached(child(series, other))
            for kind, other in (("cat", "xVal"), ("val", "yVal"))
        )
        pairs = [f"{category} {value}" for category, value in zip(categories, values, strict=False)] or values
        lines.append(f"{' '.join(name)}: {', '.join(pairs)}".strip(": "))
    return [line for line in lines if line]


def linked_text(package: Package, part: str, element: Element) -> list[str]:
    """What the charts and diagrams in an element, which stands in ``part``, say."""
    found = relations(package, part) if part else {}
    lines: list[str] = []
    for one in element.iter():
        kind = local(one)
        target = (
            found.get(attribute(one, "id" if kind == "chart" else "dm") or "") if kind in ("chart", "relIds") else None
        )
        root = package.xml_if_there(target.target) if target is not None and not target.external else None
        if root is not None:
            lines.extend(chart_lines(root) if kind == "chart" else paragraphs(root))
    return lines


def _run(element: Element, found: dict[str, Relation]) -> str:
    kind = local(element)
    if kind == "br":
        return "\n"
    if kind == "fld" and (attribute(element, "type") or "").startswith("slidenum"):
        return ""
    if kind == "m" or kind.startswith("oMath"):
        return formula(element)
    text = "".join(one.text or "" for one in children(element, "t"))
    target = found.get(attribute(child(element, "rPr", "hlinkClick"), "id") or "") if found else None
    return link(text, target.target) if target is not None and target.external else text


def _cached(element: Element | None) -> list[str]:
    """The values that a chart keeps of the cells it shows."""
    if element is None:
        return []
    code = next((one.text or "" for one in element.iter() if local(one) == "formatCode"), "")
    values = (one.text or "" for one in element.iter() if local(one) == "v")
    return [_shown(value, code) for value, _ in zip(values, range(_LABELS), strict=False)]


def _shown(value: str, code: str) -> str:
    """As the chart shows it: 4.4, which a file may keep as 4.4000000000000004, and dates by their format."""
    try:
        number = float(value)
        plain = f"{number:.15g}"
        return shown(timedelta(days=number) if is_date(code) else number, code) or plain
    except (ValueError, OverflowError):
        return value
