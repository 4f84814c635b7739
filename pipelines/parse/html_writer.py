"""Turns the walk over an HTML tree into text: blocks on lines of their own, the rest in one line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipelines.parse.blocks import link

_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_PARAGRAPHS = frozenset(
    "p div section article main header footer nav aside blockquote figure form fieldset address dl hr details body "
    "ul ol table pre h1 h2 h3 h4 h5 h6".split()
)
_LINES = frozenset(["li", "tr", "dt", "dd", "figcaption", "caption", "option", "summary", "legend", "label"])
WITH_ATTRIBUTES = frozenset(["a", "ol", "li"])
"""The tags whose attributes the writer asks for."""
_SPACE = re.compile(r"[ \t\n\r\f\xa0]+")
_SPACES = re.compile(" {2,}")
_SPACED_BREAK = re.compile(" ?\n ?")
# Tables inside tables beyond this depth are written as plain blocks, so that hostile nesting costs no more than depth.
_TABLE_DEPTH = 6


@dataclass(slots=True)
class _Lines:
    """Finished lines, and how many newlines the next one is to be set off by."""

    parts: list[str] = field(default_factory=list)
    gap: int = 0
    blocks: int = 0

    def add(self, line: str) -> None:
        if self.parts:
            self.parts.append("\n" * max(self.gap, 1))
            self.blocks += self.gap > 1
        self.parts.append(line)
        self.gap = 0


@dataclass(slots=True)
class _Table:
    outer: _Lines
    rows: list[list[str]] = field(default_factory=list)
    layout: bool = False  # its cells hold blocks: the table arranges a page, it is no data


class Writer:
    """Takes elements and texts in document order; ``finish`` gives the text."""

    def __init__(self) -> None:
        self._lines = _Lines()
        self._inline: list[str] = []
        self._prefix = ""
        self._lists: list[int | None] = []  # of each open list the last number, of bullets None
        self._anchor: tuple[int, int, str] | None = None  # the link that is open: where it began, and its address
        self._breaks = 0
        self._pre = 0
        self._tables: list[_Table] = []
        self._flat_tables = 0

    def text(self, content: str) -> None:
        self._inline.append(content if self._pre else _SPACE.sub(" ", content))

    def enter(self, tag: str, attributes: Mapping[str, str | None]) -> None:
        if tag == "br":
            self._inline.append("\n")
        elif tag in _PARAGRAPHS:
            self._break(1 if tag in ("ul", "ol") and self._lists else 2)
        elif tag in _LINES:
            self._break(1)
        if tag == "a":
            self._anchor = (self._breaks, len(self._inline), attributes.get("href") or "")
        elif tag == "li":
            self._prefix = "  " * min(len(self._lists) - 1, 8) + self._marker(_whole(attributes.get("value")))
        elif tag == "ol":
            start = _whole(attributes.get("start"))
            self._lists.append(0 if start is None else start - 1)
        else:
            self._open(tag)

    def _marker(self, number: int | None) -> str:
        last = self._lists[-1] if self._lists else None
        if last is None:
            return "- "
        self._lists[-1] = last + 1 if number is None else number
        return f"{self._lists[-1]}. "

    def _open(self, tag: str) -> None:
        if tag in _HEADINGS:
            self._prefix = _HEADINGS[tag]
        elif tag == "ul":
            self._lists.append(None)
        elif tag == "pre":
            self._pre += 1
        elif tag == "table":
            self._open_table()
        elif tag == "tr" and self._tables and not self._flat_tables:
            self._tables[-1].rows.append([])
        elif tag in ("td", "th"):
            self._open_cell()

    def leave(self, tag: str) -> None:
        if tag == "a":
            self._link()
        elif tag in ("td", "th"):
            self._close_cell()
        elif tag in _PARAGRAPHS:
            self._break(1 if tag in ("ul", "ol") and len(self._lists) > 1 else 2)
            self._close(tag)
        elif tag in _LINES:
            self._break(1)
            self._prefix = ""

    def _close(self, tag: str) -> None:
        if tag in _HEADINGS:
            self._prefix = ""
        elif tag in ("ul", "ol"):
            self._lists.pop()
        elif tag == "pre":
            self._pre -= 1
        elif tag == "table":
            self._close_table()

    def finish(self) -> str:
        self._break(0)
        return "".join(self._lines.parts)

    def _link(self) -> None:
        """Write the link that ends here with its address, unless blocks were in it."""
        if self._anchor is None:
            return
        breaks, start, address = self._anchor
        self._anchor = None
        if breaks != self._breaks or not address or self._pre:
            return
        text = "".join(self._inline[start:])
        written = link(" ".join(text.split()), address)
        if written.endswith(")") and written.startswith("["):
            before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
            self._inline[start:] = [before, written, after]

    def _break(self, gap: int) -> None:
        """End the line at hand, and set the next one off by at least ``gap`` newlines."""
        self._breaks += 1
        if self._inline:
            text = "".join(self._inline)
            self._inline.clear()
            text = text.strip("\n").rstrip() if self._pre else _SPACED_BREAK.sub("\n", _SPACES.sub(" ", text)).strip()
            if text:
                heading = self._prefix.startswith("#")
                self._lines.add(self._prefix + (text.replace("\n", " ") if heading else text))
                self._prefix = ""
        self._lines.gap = max(self._lines.gap, gap)

    def _open_table(self) -> None:
        if len(self._tables) >= _TABLE_DEPTH:
            self._flat_tables += 1
            return
        for outer in self._tables:
            outer.layout = True
        self._tables.append(_Table(self._lines))

    def _open_cell(self) -> None:
        if not self._tables or self._flat_tables:
            self._break(1)
            return
        self._break(0)
        self._lines = _Lines()

    def _close_cell(self) -> None:
        self._break(1)
        if not self._tables or self._flat_tables:
            return
        table = self._tables[-1]
        table.layout = table.layout or self._lines.blocks > 0
        table.rows[-1].append("".join(self._lines.parts))
        self._lines = table.outer

    def _close_table(self) -> None:
        if self._flat_tables:
            self._flat_tables -= 1
            return
        if not self._tables:
            return
        table = self._tables.pop()
        self._lines = table.outer
        for line in _blocks(table.rows) if table.layout or _is_column(table.rows) else _markdown(table.rows):
            self._lines.add(line)
        self._lines.gap = 2


def _is_column(rows: list[list[str]]) -> bool:
    return all(len(row) < 2 for row in rows)


def _blocks(rows: list[list[str]]) -> list[str]:
    return [cell + "\n" for row in rows for cell in row if cell]


def _markdown(rows: list[list[str]]) -> list[str]:
    filled = [row for row in rows if any(row)]
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in filled]
    if lines:
        lines.insert(1, "|" + "---|" * len(filled[0]))
    return lines


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")


def _whole(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 9 else None
