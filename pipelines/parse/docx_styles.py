"""Of a Word document: which styles are headings, and which number stands before a paragraph."""

from dataclasses import dataclass, field

from pipelines.parse.package import Element, attribute, child, children

BODY_LEVEL = 9


def value(element: Element | None, *path: str) -> str | None:
    """The ``val`` of a descendant along a path."""
    found = child(element, *path)
    return None if found is None else attribute(found, "val")


def number(text: str | None) -> int | None:
    """A whole number, or None for what is none."""
    try:
        return int(text or "")
    except ValueError:
        return None


class Styles:
    """Paragraph styles by id; what a style does not say, the style that it is based on says."""

    def __init__(self, root: Element | None) -> None:
        self._styles = {attribute(one, "styleId") or "": one for one in children(root, "style")}
        self._levels: dict[str, int | None] = {}
        self._lists: dict[str, tuple[str | None, int]] = {}

    def level(self, style: str | None) -> int | None:
        """The heading level of a style, from 1, or None."""
        if style is None:
            return None
        if style not in self._levels:
            self._levels[style] = self._level(style)
        return self._levels[style]

    def numbering(self, style: str | None) -> tuple[str | None, int]:
        """The list and the level in it that a style puts its paragraphs into."""
        for one in self._chain(style):
            found = child(one, "pPr", "numPr")
            if found is not None:
                return value(found, "numId"), number(value(found, "ilvl")) or 0
        return None, 0

    def _level(self, style: str) -> int | None:
        for one in self._chain(style):
            name = (value(one, "name") or "").lower()
            if name == "title":
                return 1
            if name.startswith("heading ") and name[8:].isdigit():
                return int(name[8:])
            outline = number(value(one, "pPr", "outlineLvl"))
            if outline is not None:
                return outline + 1 if outline < BODY_LEVEL else None
        return None

    def _chain(self, style: str | None) -> list[Element]:
        chain: list[Element] = []
        while style in self._styles and len(chain) < 20:  # a style may claim to be based on itself
            chain.append(self._styles[style])
            style = value(chain[-1], "basedOn")
        return chain


@dataclass(slots=True)
class _List:
    levels: dict[int, Element]
    counts: dict[int, int] = field(default_factory=dict)


class Numbering:
    """Counts list items as Word does, so that "see section 3.2" finds it."""

    def __init__(self, root: Element | None) -> None:
        abstract = {attribute(one, "abstractNumId"): one for one in children(root, "abstractNum")}
        self._lists: dict[str, _List] = {}
        shared: dict[str | None, dict[int, int]] = {}
        for one in children(root, "num"):
            base = value(one, "abstractNumId")
            levels = {self._index(level): level for level in children(abstract.get(base), "lvl")}
            changed = False
            for override in children(one, "lvlOverride"):
                changed = True
                level = child(override, "lvl")
                if level is not None:
                    levels[self._index(override)] = level
            counts = {} if changed else shared.setdefault(base, {})
            self._lists[attribute(one, "numId") or ""] = _List(levels, counts)

    @staticmethod
    def _index(element: Element) -> int:
        return number(attribute(element, "ilvl")) or 0

    def marker(self, list_id: str | None, depth: int) -> str | None:
        """Count one item, and give what stands before it: "-" for a bullet, "3.2" or "b)"; None for nothing."""
        found = self._lists.get(list_id or "")
        level = None if found is None else found.levels.get(depth)
        if found is None or level is None:
            return None
        form = value(level, "numFmt") or "decimal"
        found.counts[depth] = found.counts.get(depth, _start(level) - 1) + 1
        for deeper in [one for one in found.counts if one > depth]:
            del found.counts[deeper]
        if form == "bullet":
            return "-"
        if form == "none":
            return None
        return self._filled(found, value(level, "lvlText") or f"%{depth + 1}.")

    def _filled(self, found: _List, pattern: str) -> str:
        for depth in range(9):
            mark = f"%{depth + 1}"
            if mark in pattern:
                level = found.levels.get(depth)
                count = found.counts.get(depth, _start(level))
                pattern = pattern.replace(mark, written(count, value(level, "numFmt") or "decimal"))
        return pattern.strip()


def _start(level: Element | None) -> int:
    start = number(value(level, "start"))
    return 1 if start is None else start


def written(count: int, form: str) -> str:
    """A number as "4", "d", "D", "iv" or "IV"."""
    if form in ("lowerLetter", "upperLetter") and count > 0:
        letter = chr(ord("a") + (count - 1) % 26) * min((count - 1) // 26 + 1, 20)
        return letter if form == "lowerLetter" else letter.upper()
    if form in ("lowerRoman", "upperRoman") and 0 < count < 4000:
        roman = _roman(count)
        return roman if form == "upperRoman" else roman.lower()
    return f"{count:02}" if form == "decimalZero" else str(count)


_ROMAN = list(
    zip((1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1), "M CM D CD C XC L XL X IX V IV I".split(), strict=True)
)


def _roman(count: int) -> str:
    parts = []
    for size, sign in _ROMAN:
        parts.append(sign * (count // size))
        count %= size
    return "".join(parts)
