"""Rows of cells as Markdown tables: sheets of spreadsheets, and CSV."""

from collections.abc import Iterable, Sequence

from pipelines.parse.blocks import Blocks

ROWS_PER_PAGE = 500
"""A sheet has no pages of its own, and a million rows would be one. The head is repeated on each."""

_WIDEST = 2_000


class Sheet:
    """Writes a sheet with its name as label and heading, and a table for each run of rows that are not empty."""

    def __init__(self, blocks: Blocks, name: str) -> None:
        self._blocks = blocks
        self._name = name
        self._parts = 0
        self._on_page = 0
        self._held: list[Sequence[str]] = []
        self._head: Sequence[str] | None = None
        self._begin_page()

    def write(self, rows: Iterable[Sequence[str]]) -> None:
        """All rows. Raises PermanentError ``too_large``."""
        for row in rows:
            cells = row[:_WIDEST]
            if any(cells):
                self._add(cells)
            else:
                self._end_table()
        self._end_table()

    def _add(self, cells: Sequence[str]) -> None:
        if self._on_page >= ROWS_PER_PAGE:
            head = self._head
            self._end_table()
            self._begin_page()
            if head is not None:
                self._held.append(head)
                self._head = head
        if self._head is None:
            self._head = cells
        self._held.append(cells)
        self._on_page += 1

    def _end_table(self) -> None:
        if self._held:
            self._blocks.table(self._held)
        self._held = []
        self._head = None

    def _begin_page(self) -> None:
        self._parts += 1
        self._on_page = 0
        label = self._name if self._parts == 1 else f"{self._name} (part {self._parts})".strip()
        self._blocks.new_page(label or None)
        self._blocks.heading(1, self._name)
