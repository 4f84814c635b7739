"""The numbers of lists and headings in OpenDocument files, which keep only how they are counted."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.parse.docx_styles import written
from pipelines.parse.package import Element, attribute, local

_FORMS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_LEVELS = ("list-level-style-number", "outline-level-style")


@dataclass(slots=True)
class _Open:
    style: str
    counts: dict[int, int] = field(default_factory=dict)


class Numbers:
    """Counts items in the order of the document, by the list styles in ``roots`` (of styles and of the content)."""

    def __init__(self, *roots: Element | None) -> None:
        self._styles: dict[str, dict[int, Element]] = {}
        for one in (one for root in roots if root is not None for one in root.iter()):
            if local(one) in ("list-style", "outline-style"):
                name = "" if local(one) == "outline-style" else attribute(one, "name") or "-"
                self._styles[name] = {
                    _whole(attribute(level, "level")) or 1: level for level in one if local(level) in _LEVELS
                }
        self._open: list[_Open] = []
        self._last = _Open("-")
        self._by_id: dict[str, _Open] = {}
        self._headings: dict[int, int] = {}

    def begin(self, element: Element) -> None:
        """A list begins; one inside of another counts on in it."""
        style = attribute(element, "style-name")
        if self._open:
            current = _Open(style or self._open[-1].style, self._open[-1].counts)
        else:
            before = self._by_id.get(attribute(element, "continue-list") or "-")
            if before is None and attribute(element, "continue-numbering") == "true":
                before = self._last
            current = _Open(style or (before or _Open("-")).style, before.counts if before is not None else {})
            self._last = current
        self._by_id[attribute(element, "id") or ""] = current  # "" is never asked for
        self._open.append(current)

    def end(self) -> None:
        """The list ends."""
        self._open.pop()

    def marker(self, item: Element, depth: int) -> str:
        """Count an item, and give its number as it is written, or "-"."""
        current = self._open[-1] if self._open else self._last
        start = _whole(attribute(item, "start-value"))
        return self._counted(self._styles.get(current.style, {}), current.counts, depth + 1, start) or "-"

    def heading(self, element: Element, level: int) -> str:
        """Count a heading, and give its number, or nothing."""
        if attribute(element, "is-list-header") == "true":
            return ""
        return self._counted(self._styles.get("", {}), self._headings, level, None)

    def _counted(self, levels: dict[int, Element], counts: dict[int, int], level: int, start: int | None) -> str:
        found = levels.get(level)
        counts[level] = start if start is not None else counts.get(level, _start(found) - 1) + 1
        for deeper in [one for one in counts if one > level]:
            del counts[deeper]
        if found is None or not attribute(found, "num-format"):
            return ""
        shown = min(max(_whole(attribute(found, "display-levels")) or 1, 1), level)
        numbers = ".".join(_numbers(levels, counts, range(level - shown + 1, level + 1)))
        return f"{attribute(found, 'num-prefix') or ''}{numbers}{attribute(found, 'num-suffix') or ''}".strip()


def _numbers(levels: dict[int, Element], counts: dict[int, int], wanted: range) -> Iterator[str]:
    for level in wanted:
        form = attribute(levels.get(level), "num-format")
        if form:
            yield written(counts.get(level, _start(levels.get(level))), _FORMS.get(form, "decimal"))


def _start(level: Element | None) -> int:
    start = _whole(attribute(level, "start-value"))
    return 1 if start is None else start


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) < 8 else None
