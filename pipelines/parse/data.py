"""JSON and JSON lines: as they are written, with line breaks where they have none and with escapes resolved."""

import json
from collections.abc import Iterator

from pipelines.documents import Page, ParsedDocument
from pipelines.parse import media
from pipelines.parse.clean import clean
from pipelines.parse.failures import reason
from pipelines.parse.limits import ParseLimits
from pipelines.parse.parser import Report, Source

LINES_PER_PAGE = 500
# A tree of Python's objects takes ten times the text; what is larger stays as it is.
_LARGEST = 32_000_000
_LONG_LINE = 1_000


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of a decoded JSON text; what is no regular JSON is kept as text, with a note.

    Raises PermanentError ``too_large``.
    """
    text = source.text or ""
    notes: list[str] = []
    if source.media_type == media.JSONL:
        lines = text.splitlines()
        limits.check_pages(len(lines) // LINES_PER_PAGE + 1)
        texts = ["\n".join(_lines(lines[at : at + LINES_PER_PAGE])) for at in range(0, len(lines), LINES_PER_PAGE)]
    else:
        texts = [_readable(text, notes)]
    pages = [Page(number, None, clean(one)) for number, one in enumerate(texts, start=1)]
    report(len(pages), len(pages))
    return ParsedDocument(source.media_type, len(pages), pages, [], {}, notes)


def _readable(text: str, notes: list[str]) -> str:
    if len(text) > _LARGEST:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        notes.append(f"The text is no regular JSON ({reason(error)}); it was kept as it is.")
        return text
    if "\\u" not in text and max(map(len, text.split("\n"))) <= _LONG_LINE:
        return text
    return json.dumps(value, ensure_ascii=False, indent=1)


def _lines(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if "\\u" not in line:
            yield line
            continue
        try:
            yield json.dumps(json.loads(line), ensure_ascii=False)
        except (ValueError, RecursionError):
            yield line
