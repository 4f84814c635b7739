"""One mail: its headers, the text that a person reads, and what is attached."""

import email
import email.policy
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message as Part
from email.utils import parsedate_to_datetime

from pipelines.parse.clean import clean, clean_line
from pipelines.parse.decode import declared_encoding, decode
from pipelines.parse.failures import PARSER_FAILURES, reason
from pipelines.parse.html import visible_text

_DEEPEST = 30
_MOST_PARTS = 5_000


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a mail."""

    name: str
    media_type: str
    data: bytes


class Message:
    """Read leniently: mails break every rule, and people read them all the same."""

    def __init__(self, data: bytes) -> None:
        """Parse all of it; ``texts`` has to be read for ``attachments`` and ``notes`` to be complete."""
        # The old policy: the new one parses headers strictly, and fails on those that spam and old programs write.
        self._root = email.message_from_bytes(data, policy=email.policy.compat32)
        self.attachments: list[Attachment] = []
        self.notes: list[str] = []
        self._parts = 0

    def header(self, name: str) -> str:
        """A header's value, decoded; empty when there is none."""
        return decoded_header(self._root, name)

    def metadata(self) -> dict[str, str]:
        """Title, author and date."""
        found = {"title": self.header("subject"), "author": self.header("from"), "created": self._date()}
        return {key: value for key, value in found.items() if value}

    def texts(self) -> Iterator[tuple[str, bool]]:
        """The texts in order, each with whether it is Markdown (it was HTML)."""
        yield from self._texts(self._root, 0)
        if self._parts > _MOST_PARTS:
            self.notes.append(f"The mail has more than {_MOST_PARTS:,} parts; the rest was not read.")

    def _date(self) -> str:
        try:
            return parsedate_to_datetime(self.header("date")).isoformat()
        except PARSER_FAILURES:
            return ""

    def _texts(self, part: Part, depth: int) -> Iterator[tuple[str, bool]]:
        self._parts += 1
        if self._parts > _MOST_PARTS or depth > _DEEPEST:
            return
        kind = part.get_content_type()
        if kind == "message/rfc822" and depth:
            self._attach_mail(part)
        elif part.is_multipart():
            inner = [one for one in part.get_payload() if isinstance(one, Part)]
            for one in _best(inner) if kind == "multipart/alternative" else inner:
                yield from self._texts(one, depth + 1)
        elif kind in ("text/plain", "text/html") and not _is_attached(part):
            yield self._text(part, is_html=kind == "text/html"), kind == "text/html"
        elif not _is_picture_in_text(part):
            self._attach(part, kind)

    def _text(self, part: Part, *, is_html: bool) -> str:
        data = _payload(part)
        declared = part.get_content_charset() or (declared_encoding(data) if is_html else None)
        found = decode(data, declared)
        text = found[0] if found is not None else data.decode("latin-1")
        return visible_text(text) if is_html else clean(text)

    def _attach(self, part: Part, kind: str) -> None:
        name = _filename(part) or f"attachment-{len(self.attachments) + 1}{mimetypes.guess_extension(kind) or ''}"
        data = _payload(part)
        if data:
            self.attachments.append(Attachment(name, kind, data))
        else:
            self.notes.append(f"The attachment {clean_line(name, 200)!r} is empty.")

    def _attach_mail(self, part: Part) -> None:
        inner = part.get_payload()
        mail = inner[0] if isinstance(inner, list) and inner else None
        if not isinstance(mail, Part):
            return
        name = _filename(part) or f"{decoded_header(mail, 'subject') or 'mail'}.eml"
        try:
            self.attachments.append(Attachment(name, "message/rfc822", mail.as_bytes()))
        except PARSER_FAILURES as error:
            self.notes.append(f"The mail {clean_line(name, 200)!r} inside this one cannot be read: {reason(error)}.")


def decoded_header(part: Part, name: str) -> str:
    """A header in one line, whatever it is encoded in."""
    raw = next((value for key, value in part.raw_items() if key.lower() == name), None)
    if raw is None:
        return ""
    text = str(raw)
    if any("\udc80" <= char <= "\udcff" for char in text):  # bytes that no rule allows there
        found = decode(text.encode("utf-8", "surrogateescape"))
        text = found[0] if found is not None else text
    try:
        return clean_line(str(make_header(decode_header(text))))
    except PARSER_FAILURES:
        return clean_line(text)


def _best(parts: list[Part]) -> list[Part]:
    """Of alternatives the plain text, unless there is none in it; else the last, which is the richest."""
    for part in parts:
        if part.get_content_type() == "text/plain" and _payload(part).strip():
            return [part, *(one for one in parts if _is_attached(one))]
    html = [one for one in parts if one.get_content_type() == "text/html" or one.is_multipart()]
    return html[-1:] or parts[-1:]


def _payload(part: Part) -> bytes:
    try:
        data = part.get_payload(decode=True)
    except PARSER_FAILURES:
        return b""
    return data if isinstance(data, bytes) else b""


def _filename(part: Part) -> str:
    try:
        return clean_line(str(make_header(decode_header(part.get_filename() or ""))), 500)
    except PARSER_FAILURES:
        return ""


def _disposition(part: Part) -> str:
    return str(part.get("content-disposition") or "").split(";")[0].strip().lower()


def _is_attached(part: Part) -> bool:
    return _disposition(part) == "attachment" or bool(_filename(part))


def _is_picture_in_text(part: Part) -> bool:
    """Logos and smileys, which belong to the text and are no documents."""
    is_picture = part.get_content_maintype() == "image"
    return is_picture and _disposition(part) != "attachment" and part.get("content-id") is not None
