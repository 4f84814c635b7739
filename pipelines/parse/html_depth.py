"""Keeps HTML from nesting so deep that building its tree takes quadratic time."""

import re

DEEPEST = 5_000
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>?")
# Elements without an end, and those that end where the next one begins: they do not add up.
_FLAT = frozenset(
    (
        "area base br col embed hr img input link meta param source track wbr p li dt dd td th tr option optgroup "
        "tbody thead tfoot colgroup caption rt rp html head body"
    ).split()
)


def shallow(content: str) -> tuple[str, bool]:
    """The HTML without the tags that stand deeper than ``DEEPEST``, and whether there were any; all text stays."""
    if content.count("<") <= DEEPEST:
        return content, False
    parts: list[str] = []
    depth = end = 0
    for match in _TAG.finditer(content):
        if match[2].lower() in _FLAT:
            continue
        depth += -1 if match[1] else 1
        if depth >= DEEPEST + (0 if match[1] else 1):
            parts.append(content[end : match.start()])
            end = match.end()
        depth = max(depth, 0)
    return ("".join([*parts, content[end:]]), True) if parts else (content, False)
