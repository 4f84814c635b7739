"""Where a Markdown text has its headings."""

import re

# Kept as they are written, or without any structure; all other formats are parsed to Markdown.
_VERBATIM = frozenset(
    {
        "text/plain",
        "text/x-source",
        "application/json",
        "application/jsonl",
    }
)
# Written by our reader of PDF, which knows no other mark: a row of dashes below a line of print is no heading.
_HASHES_ONLY = frozenset({"application/pdf"})
_LINE = re.compile(
    r"^ {0,3}(?:(?P<fence>`{3,}|~{3,})"
    r"|#{1,6}[ \t]+(?P<atx>[^\n]+)"
    r"|(?P<setext>[^\s#>|*+`~-][^\n]{0,200})\n(?:=+|-{2,})[ \t]*$)",
    re.MULTILINE,
)
_HASHES = re.compile(r"^#{1,6} (\S[^\n]*)", re.MULTILINE)


def headings_of(text: str, media_type: str) -> dict[int, str]:
    """The titles of a text's headings by the offset at which their line's text begins; none in other formats."""
    found: dict[int, str] = {}
    if media_type in _HASHES_ONLY:
        return {match.start(): match[1].strip()[:200] for match in _HASHES.finditer(text)}
    if media_type in _VERBATIM or media_type.startswith("image/"):
        return found
    fence: str | None = None
    for match in _LINE.finditer(text):
        if match["fence"]:
            fence = match["fence"] if fence is None else None if match["fence"].startswith(fence) else fence
        elif fence is None:
            line = match[0]
            title = (match["atx"] or match["setext"]).strip(" \t#")
            if title:
                found[match.start() + len(line) - len(line.lstrip(" "))] = title[:200]
    return found
