"""CSV and TSV: rows of a Markdown table, with the head repeated on every page."""

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from pipelines.documents import Page, ParsedDocument
from pipelines.parse.blocks import Blocks
from pipelines.parse.clean import clean
from pipelines.parse.limits import ParseLimits
from pipelines.parse.parser import Report, Source
from pipelines.parse.sheets import Sheet

_DELIMITERS = ",;\t|"
_LOOKED_AT = 50
_REPORT_EVERY = 10_000


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of a decoded CSV; one whose quotes do not close stays as it is written, with a note.

    Raises PermanentError ``too_large``.
    """
    text = clean(source.text or "")
    lines = text.splitlines(keepends=True)
    blocks = Blocks(limits)
    try:
        reader = csv.reader(_reported(lines, report), delimiter=_delimiter(lines), skipinitialspace=True)
        Sheet(blocks, "").write(reader)
    except csv.Error as error:
        note = f"The rows cannot be told apart ({error}); the text was kept as it is."
        return ParsedDocument(source.media_type, 1, [Page(1, None, text)], [], {}, [note])
    pages = blocks.pages()
    return ParsedDocument(source.media_type, len(pages), pages, [], {}, [])


def _delimiter(lines: list[str]) -> str:
    """What gives most rows the same number of cells, more than one."""
    best, score = ",", 0
    for delimiter in _DELIMITERS:
        try:
            widths = Counter(map(len, islice(csv.reader(lines, delimiter=delimiter), _LOOKED_AT)))
        except csv.Error:
            continue
        width, rows = max(widths.items(), key=lambda item: (item[0] > 1) * item[1], default=(1, 0))
        if width > 1 and rows * min(width, 10) > score:
            best, score = delimiter, rows * min(width, 10)
    return best


def _reported(lines: list[str], report: Report) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if number % _REPORT_EVERY == 0:
            report(number, len(lines))
        yield line
    report(len(lines), len(lines))
