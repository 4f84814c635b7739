"""The paragraphs of a shape as list items with their numbers."""

from collections.abc import Iterator

from pipelines.parse.blocks import tidy
from pipelines.parse.docx_styles import written
from pipelines.parse.drawing import paragraph_text
from pipelines.parse.ooxml import Relation
from pipelines.parse.package import Element, attribute, child, children

_FORMS = {"alphaLc": "lowerLetter", "alphaUc": "upperLetter", "romanLc": "lowerRoman", "romanUc": "upperRoman"}
_AROUND = {"ParenR": "{})", "ParenBoth": "({})", "Period": "{}.", "Plain": "{}"}


def lines(shape: Element, found: dict[str, Relation], *, listed: bool) -> Iterator[tuple[str, int, str | None]]:
    """Text, depth and marker of each paragraph; the marker of running text is None.

    ``listed``: the shape's place in the layout is one of lists, so that several paragraphs are items.
    """
    texts = [(one, tidy(paragraph_text(one, found))) for one in children(child(shape, "txBody"), "p")]
    listed = listed and sum(bool(text) for _, text in texts) > 1
    counts: dict[int, int] = {}
    for one, text in texts:
        if not text:
            continue
        properties = child(one, "pPr")
        level = attribute(properties, "lvl") or "0"
        depth = int(level) if level.isdigit() and len(level) < 3 else 0
        counts = {deep: count for deep, count in counts.items() if deep <= depth}
        number = child(properties, "buAutoNum")
        if number is not None:
            counts[depth] = counts.get(depth, _start(number) - 1) + 1
            yield text, depth, _marker(number, counts[depth])
            continue
        counts.pop(depth, None)
        bullet = child(properties, "buChar") is not None or depth or (listed and child(properties, "buNone") is None)
        yield text, depth, "-" if bullet else None


def _start(number: Element) -> int:
    start = attribute(number, "startAt") or "1"
    return int(start) if start.isdigit() and len(start) < 6 else 1


def _marker(number: Element, count: int) -> str:
    kind = attribute(number, "type") or ""
    form = next((form for start, form in _FORMS.items() if kind.startswith(start)), "decimal")
    around = next((around for end, around in _AROUND.items() if kind.endswith(end)), "{}.")
    return around.format(written(count, form))
