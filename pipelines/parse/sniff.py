"""What a file is, by its bytes. Its name only decides between kinds of plain text."""

import re
from pathlib import PurePosixPath

import puremagic

from pipelines.errors import PermanentError

PDF = "application/pdf"
HTML = "text/html"
MARKDOWN = "text/markdown"
PLAIN = "text/plain"
EMPTY = "application/x-empty"

_BY_EXTENSION = {
    ".pdf": PDF,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".mdown": MARKDOWN,
    ".txt": PLAIN,
    ".text": PLAIN,
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".doc": "application/msword",
    ".epub": "application/epub+zip",
    ".zip": "application/zip",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".tiff": "image/tiff",
    ".gif": "image/gif",
}
# What a browser takes for HTML at the start of a file, and the tags that people leave files with. The comments are
# matched without a way back: a row of them could otherwise be split up in exponentially many ways.
_HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:(?><!--.*?-->)\s*+)*+<(?:!doctype\s+html|(?:html|head|body|title|meta|script|style|table|div|"
    r"h[1-6]|p|br|font|iframe|a|b|center|link|ul|ol|article|section|main)(?=[\s>/]))",
    re.IGNORECASE | re.DOTALL,
)
_ANY_TAG = re.compile(r"<(?:html|head|body|p|div|table|br|h[1-6]|ul|ol|span|a)\b[^<>]*>", re.IGNORECASE)
_FRONT_MATTER = re.compile(r"\ufeff?---\n(?:[^\n]*\n){0,200}?---\n")
_STATED_TYPE = re.compile(rb"mimetype(application/[a-z.+-]+)")  # OpenDocument and EPUB begin with it
_ATX_HEADING = re.compile(r"^#{1,6} \S", re.MULTILINE)


def extension(name: str) -> str:
    """The extension of a file's name in lower case, with its dot, or the empty string."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()


def is_pdf(data: bytes, name: str) -> bool:
    """Whether the file is to be read as PDF: its header, or a PDF's body behind a damaged one."""
    if b"%PDF-" in data[:1024]:
        return True
    return extension(name) == ".pdf" and (b"startxref" in data or b" obj" in data)


def text_kind(text: str, name: str) -> str:
    """Which kind of text it is: HTML by its tags, Markdown by its name or, without a name, by its front matter."""
    head = text[:65_536]
    named = _BY_EXTENSION.get(extension(name))
    if _HTML_START.match(head) or (named == HTML and _ANY_TAG.search(head)):
        return HTML
    if named == MARKDOWN:
        return MARKDOWN
    if not extension(name) and (_FRONT_MATTER.match(head) or len(_ATX_HEADING.findall(head)) > 1):
        return MARKDOWN
    return PLAIN


def mismatch(media_type: str, name: str) -> str | None:
    """A sentence when the name says something else than the bytes do."""
    named = _BY_EXTENSION.get(extension(name))
    if named is None or named == media_type or {named, media_type} == {PLAIN, MARKDOWN}:
        return None
    return f"The name ends in {extension(name)}, but the content is {media_type}; it was read as what it is."


def unsupported(data: bytes) -> PermanentError:
    """The error for a file of a type that nothing here reads, with the best guess at that type."""
    return PermanentError(
        "unsupported", f"The file looks like {_guess(data)}; supported: PDF, HTML, Markdown, plain text."
    )


def looks_foreign(data: bytes) -> bool:
    """Whether bytes that would pass as text are a format of their own in which the text is encoded."""
    return data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"{\\rtf", b"%!PS"))


def _guess(data: bytes) -> str:
    if data.startswith(b"PK\x03\x04"):
        return _guess_zip(data)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return "application/x-ole-storage (an old or encrypted Office file)"
    try:
        matches = puremagic.magic_string(data)
    except (puremagic.PureError, ValueError):
        return "binary data of an unknown type"
    best = next((match for match in matches if match.mime_type), None)
    return best.mime_type if best and best.confidence >= 0.3 else "binary data of an unknown type"


def _guess_zip(data: bytes) -> str:
    """The Office or e-book type of a ZIP by the names of its members, which stand uncompressed in it."""
    names = data[:65_536] + data[-65_536:]
    stated = _STATED_TYPE.search(names, 30, 150)
    if stated is not None:
        return stated[1].decode("ascii")
    for member, kind in ((b"word/", ".docx"), (b"xl/", ".xlsx"), (b"ppt/", ".pptx")):
        if member in names:
            return _BY_EXTENSION[kind]
    return "application/zip"
