"""Which kind of text a text is: by what it holds, and where that is not enough, by what its file is called."""

import json
import re

from pipelines.parse import media
from pipelines.parse.languages import language_of

# What a browser takes for HTML at the start of a file, and the tags that people leave files with. The comments are
# matched without a way back: a row of them could otherwise be split up in exponentially many ways.
_HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:(?><!--.*?-->)\s*+)*+<(?:!doctype\s+html|(?:html|head|body|title|meta|script|style|table|div|"
    r"h[1-6]|p|br|font|iframe|a|b|center|link|ul|ol|article|section|main)(?=[\s>/]))",
    re.IGNORECASE | re.DOTALL,
)
_ANY_TAG = re.compile(r"<(?:html|head|body|p|div|table|br|h[1-6]|ul|ol|span|a)\b[^<>]*>", re.IGNORECASE)
_FRONT_MATTER = re.compile(r"\ufeff?---\n(?:[^\n]*\n){0,200}?---\n")
_ATX_HEADING = re.compile(r"^#{1,6} \S", re.MULTILINE)
# With XML's declaration, a name such as "article" may be that of any vocabulary; HTML says html.
_XML_ROOT = re.compile(
    r"\s*<\?xml[^>]*\?>\s*(?:<!--(?:(?!-->).)*+-->\s*)*+<(?!!doctype\s+html|html[\s>]|!--)", re.IGNORECASE | re.DOTALL
)
_XML_START = re.compile(r"\s*<(?:\?xml\s|!DOCTYPE\s|[A-Za-z_][\w.:-]*[\s/>])")
_MBOX_START = re.compile(r"From \S+ .*\d{4}\r?\n[\w-]+:")
_HEADER = r"[A-Za-z][A-Za-z0-9-]{1,60}:[^\n]*\n(?:[ \t][^\n]*\n)*"
_MAIL_HEADERS = re.compile(rf"(?:\s*\n)?(?:{_HEADER}){{2,}}")
_MAIL_SIGNS = re.compile(
    r"^(?:Received|Return-Path|Message-ID|MIME-Version|From|To|Subject|Date|Delivered-To|X-Mailer|Content-Type):",
    re.MULTILINE | re.IGNORECASE,
)
_JSON_START = re.compile(r"\s*[\[{]")
_SHEBANG = re.compile(r"#![^\n]+\n")
# Reading all of a text only to tell that it is JSON pays once: it is parsed again.
_JSON_LOOK = 65_536


def text_kind(text: str, name: str) -> str:
    """The media type of a decoded text."""
    head = text[:65_536]
    named = media.named_type(name)
    return _marked_up(head, named) or _mail(head, named) or _data(text, head, named) or _written(head, name, named)


def _marked_up(head: str, named: str | None) -> str | None:
    if _XML_ROOT.match(head):
        return media.XML
    if _HTML_START.match(head) or (named == media.HTML and _ANY_TAG.search(head)):
        return media.HTML
    if _XML_START.match(head) and (named == media.XML or head.lstrip().startswith(("<?xml", "<!DOCTYPE"))):
        return media.XML
    return None


def _mail(head: str, named: str | None) -> str | None:
    if _MBOX_START.match(head):
        return media.MBOX
    headers = _MAIL_HEADERS.match(head)
    signs = {sign.lower() for sign in _MAIL_SIGNS.findall(headers[0])} if headers else set()
    # Notes and Markdown begin with lines such as "To: all" as well: a mail says more of itself.
    if len(signs) >= (1 if named == media.EML else 3):
        return media.EML
    return None


def _data(text: str, head: str, named: str | None) -> str | None:
    if named in (media.CSV, media.TSV):
        return named
    if not _JSON_START.match(head) or named == media.MARKDOWN:
        return None
    if '"nbformat"' in text and '"cells"' in text:
        return media.IPYNB
    if named in (media.JSON, media.JSONL, media.IPYNB):
        return media.JSONL if named == media.JSONL or _json_lines(head) else media.JSON
    if _json_lines(head):
        return media.JSONL
    return media.JSON if named is None and len(text) <= _JSON_LOOK and _is_json(text) else None


def _json_lines(head: str) -> bool:
    lines = [line for line in head.split("\n")[:3] if line.strip()]
    return len(lines) > 1 and all(line.lstrip().startswith("{") and _is_json(line) for line in lines[:2])


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _written(head: str, name: str, named: str | None) -> str:
    if named == media.MARKDOWN:
        return media.MARKDOWN
    if named is None and language_of(name, head) is not None:
        return media.SOURCE
    untitled = not media.extension(name) and not _SHEBANG.match(head)
    if untitled and (_FRONT_MATTER.match(head) or len(_ATX_HEADING.findall(head)) > 1):
        return media.MARKDOWN
    return media.PLAIN
