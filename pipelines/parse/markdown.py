"""Markdown stays as it is written; front matter of simple ``key: value`` lines becomes metadata."""

import re

from pipelines.documents import Page, ParsedDocument
from pipelines.parse.clean import clean, clean_line
from pipelines.parse.limits import ParseLimits
from pipelines.parse.parser import Report, Source

_FRONT_MATTER = re.compile(r"---[ \t]*\n((?:[^\n]*\n){0,200}?)(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_KEY_VALUE = re.compile(r"([A-Za-z][\w.-]{0,63}):[ \t]+(\S.*)")
_FIRST_HEADING = re.compile(r"^# +(\S[^\n]*)", re.MULTILINE)


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of a decoded Markdown text, on one page. Raises nothing; the limits were checked before."""
    del limits
    metadata, text = _split_front_matter(clean(source.text or ""))
    heading = _FIRST_HEADING.search(text, 0, 10_000)
    if heading is not None and "title" not in metadata:
        metadata["title"] = clean_line(heading[1]).rstrip(" #")
    report(1, 1)
    return ParsedDocument("text/markdown", 1, [Page(1, None, text)], [], metadata, [])


def _split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """The metadata and the text behind it; front matter of any other shape stays in the text: nothing may be lost."""
    block = _FRONT_MATTER.match(text)
    if block is None:
        return {}, text
    lines = [line for line in block[1].splitlines() if line.strip()]
    pairs = [_KEY_VALUE.fullmatch(line) for line in lines]
    if not pairs or any(pair is None for pair in pairs):
        return {}, text
    metadata = {pair[1].lower(): clean_line(pair[2]).strip("\"'") for pair in pairs if pair is not None}
    return metadata, text[block.end() :]
