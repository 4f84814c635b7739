"""Writes a document's blocks as Markdown, on the pages where they are."""

import re
from collections.abc import Sequence

from pipelines.documents import Page
from pipelines.parse.clean import clean, clean_line
from pipelines.parse.limits import ParseLimits

_SPACES = re.compile(r"[ \t\xa0]*\n[ \t\xa0]*")
_LIKE_HEADING = re.compile(r"^(#{1,6}[ \t])", re.MULTILINE)
_DEEPEST = 6
# Searching does not gain from longer ones, which are made to count clicks.
_LONGEST_LINK = 200


class Blocks:
    """Takes headings, paragraphs, list items and tables in order, and new pages between them."""

    def __init__(self, limits: ParseLimits) -> None:
        self._limits = limits
        self._pages: list[Page] = []
        self._parts: list[str] = []
        self._asides: list[str] = []
        self._label: str | None = None
        self._in_list = False
        self._chars = 0

    def heading(self, level: int, text: str) -> None:
        """A heading; level 1 is the highest, beyond 6 there are no more."""
        line = clean_line(text)
        if line:
            self._add("#" * min(max(level, 1), _DEEPEST) + " " + line)

    def paragraph(self, text: str) -> None:
        """Running text; its line breaks stay."""
        text = tidy(text)
        if text:
            self._add(_LIKE_HEADING.sub(r"\\\1", text))

    def item(self, text: str, depth: int = 0, marker: str = "-") -> None:
        """A list item, indented by its depth."""
        text = tidy(text)
        if text:
            indent = "  " * min(depth, 8)
            self._add(f"{indent}{marker} " + text.replace("\n", f"\n{indent}  "), item=True)

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """A table with its first row as head; of one column, it is written as paragraphs."""
        for line in table_lines(rows):
            self._add(line)

    def markdown(self, text: str) -> None:
        """Text that is Markdown already."""
        if text.strip():
            self._add(clean(text).strip("\n"))

    def verbatim(self, text: str, language: str = "") -> None:
        """Text whose spaces matter, such as code, in a fence."""
        text = clean(text).strip("\n")
        if text.strip():
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
            self._add(f"{fence}{language}\n{text}\n{fence}")

    def aside(self, text: str) -> None:
        """A footnote or comment: it goes to the end of the page."""
        text = tidy(text)
        if text:
            self._asides.append(text)

    def new_page(self, label: str | None = None, *, keep_empty: bool = False) -> None:
        """End the page at hand, unless it is an empty first one, and begin one with that label."""
        if keep_empty or self._parts or self._asides or self._pages or self._label is not None:
            self._end_page()
        self._label = label

    def pages(self) -> list[Page]:
        """All pages. Raises PermanentError ``too_large`` here and above."""
        if self._parts or self._asides or self._label is not None or not self._pages:
            self._end_page()
        return self._pages

    def _end_page(self) -> None:
        for aside in self._asides:
            self._add(aside)
        label = clean_line(self._label, 100) if self._label else None
        self._pages.append(Page(len(self._pages) + 1, label or None, "".join(self._parts)))
        self._limits.check_pages(len(self._pages))
        self._parts, self._asides, self._label, self._in_list = [], [], None, False

    def _add(self, block: str, *, item: bool = False) -> None:
        if self._parts:
            self._parts.append("\n" if item and self._in_list else "\n\n")
        self._parts.append(block)
        self._in_list = item
        self._chars += len(block)
        self._limits.check_text(self._chars)


def tidy(text: str) -> str:
    """Cleaned text without blanks around its lines."""
    return _SPACES.sub("\n", clean(text)).strip()


def link(text: str, target: str) -> str:
    """The text as a Markdown link where that tells more than the text."""
    target = clean_line(target)
    useful = target.startswith(("http://", "https://", "mailto:")) and len(target) <= _LONGEST_LINK
    said = target.removeprefix("mailto:").rstrip("/")
    if not useful or not text.strip() or said in text or " " in target or ")" in target or "[" in text:
        return text
    return f"[{text.strip()}]({target})"


def table_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table as one text, or the cells of a table of one column, each as one."""
    filled = [[tidy(cell) for cell in row] for row in rows]
    filled = [row for row in filled if any(row)]
    if not filled:
        return []
    width = max(len(row) for row in filled)
    kept = [index for index in range(width) if any(index < len(row) and row[index] for row in filled)]
    if len(kept) < 2:
        return [cell for row in filled for cell in row if cell]
    lines = [row_line([row[index] if index < len(row) else "" for index in kept]) for row in filled]
    lines.insert(1, "|" + "---|" * len(kept))
    return ["\n".join(lines)]


def row_line(cells: Sequence[str]) -> str:
    """One row of a Markdown table."""
    return "| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in cells) + " |"
