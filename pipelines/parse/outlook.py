"""Outlook's mails: headers, text and attachments of a MSG.

Read from the properties that [MS-OXMSG] describes, by olefile: of the libraries for it one is GPL, another unkept.
"""

import datetime
import struct
from io import BytesIO

import olefile

from pipelines.documents import ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse import media
from pipelines.parse.blocks import Blocks
from pipelines.parse.clean import clean, clean_line
from pipelines.parse.decode import declared_encoding, decode
from pipelines.parse.failures import PARSER_FAILURES, reason
from pipelines.parse.html import visible_text
from pipelines.parse.limits import ParseLimits
from pipelines.parse.members import Members
from pipelines.parse.parser import Report, Source

_SUBJECT, _BODY, _HTML, _RTF = "0037", "1000", "1013", "1009"
_SENDER, _SENDER_ADDRESS, _TO, _CC, _SENT = "0C1A", "5D01", "0E04", "0E03", 0x00390040
_LONG_NAME, _NAME, _DATA, _MIME, _SUBMESSAGE = "3707", "3704", "37010102", "370E", "3701000D"
_EPOCH = datetime.datetime(1601, 1, 1, tzinfo=datetime.UTC)
_DEEPEST = 3


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of a MSG. Raises PermanentError ``corrupt`` or ``too_large``."""
    try:
        storage = olefile.OleFileIO(BytesIO(source.data))
    except PARSER_FAILURES as error:
        raise PermanentError("corrupt", f"The mail's container is damaged: {reason(error)}.") from error
    members = Members(limits, source.depth)
    blocks = Blocks(limits)
    with storage:
        mail = _Mail(storage, [])
        mail.write(blocks, members, 0)
        metadata = {"title": mail.text(_SUBJECT), "author": mail.sender(), "created": mail.sent()}
    pages = blocks.pages()
    report(1, 1)
    found = {key: clean_line(value) for key, value in metadata.items() if value}
    return ParsedDocument(media.MSG, len(pages), pages, [], found, members.all_notes(), members.taken)


class _Mail:
    def __init__(self, storage: olefile.OleFileIO, path: list[str]) -> None:
        self._storage = storage
        self._path = path

    def text(self, tag: str, inside: str | None = None) -> str:
        """A property of text, from its stream in Unicode or in some code page."""
        wide = self._stream(f"__substg1.0_{tag}001F", inside)
        if wide is not None:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        narrow = self._stream(f"__substg1.0_{tag}001E", inside)
        found = None if not narrow else decode(narrow.rstrip(b"\0"))
        return found[0] if found is not None else ""

    def sender(self) -> str:
        name, address = self.text(_SENDER), self.text(_SENDER_ADDRESS)
        return f"{name} <{address}>" if "@" in address and address != name else name or address

    def sent(self) -> str:
        """When it was sent, from the properties of a fixed size: 16 bytes each."""
        data = self._stream("__properties_version1.0") or b""
        for offset in range(24 if self._path else 32, len(data) - 15, 16):
            tag, _, value = struct.unpack_from("<IIQ", data, offset)
            if tag == _SENT and value < 2**62:
                try:
                    return (_EPOCH + datetime.timedelta(microseconds=value // 10)).isoformat(timespec="seconds")
                except OverflowError:
                    return ""
        return ""

    def write(self, blocks: Blocks, members: Members, depth: int) -> None:
        blocks.heading(1, self.text(_SUBJECT) or "(no subject)")
        headers = (("From", self.sender()), ("To", self.text(_TO)), ("Cc", self.text(_CC)), ("Date", self.sent()))
        blocks.paragraph("\n".join(f"{label}: {clean_line(value)}" for label, value in headers if value))
        self._write_body(blocks)
        before = len(members.listed)
        inner = self._attachments(members)
        if members.listed[before:]:
            blocks.heading(2, "Attachments")
            for path in members.listed[before:]:
                blocks.item(path)
        for mail in inner if depth < _DEEPEST else ():
            blocks.new_page(mail.text(_SUBJECT) or "attached mail")
            mail.write(blocks, members, depth + 1)

    def _write_body(self, blocks: Blocks) -> None:
        body = clean(self.text(_BODY))
        if body.strip():
            blocks.paragraph(body)
            return
        html = self._stream(f"__substg1.0_{_HTML}0102") or self.text(_HTML).encode()
        found = decode(html, declared_encoding(html)) if html else None
        if found is not None:
            blocks.markdown(visible_text(found[0]))
            return
        packed = self._stream(f"__substg1.0_{_RTF}0102")
        if packed:
            from pipelines.parse.rtf_compressed import unpacked
            from pipelines.parse.rtf_reader import read_rtf

            read_rtf(unpacked(packed), blocks)

    def _attachments(self, members: Members) -> list["_Mail"]:
        """Take the files; mails that are attached whole are given back, because they are no files."""
        depth = len(self._path)
        entries = self._storage.listdir(streams=False, storages=True)
        folders = sorted(
            {
                one[depth]
                for one in entries
                if one[:depth] == self._path and len(one) > depth and "__attach" in one[depth]
            }
        )
        mails = []
        for number, folder in enumerate(folders, start=1):
            name = self.text(_LONG_NAME, folder) or self.text(_NAME, folder) or f"attachment-{number}"
            data = self._stream(f"__substg1.0_{_DATA}", folder)
            if data is not None:
                members.take(name, data, clean_line(self.text(_MIME, folder)) or None)
            elif self._storage.exists([*self._path, folder, f"__substg1.0_{_SUBMESSAGE}"]):
                mails.append(_Mail(self._storage, [*self._path, folder, f"__substg1.0_{_SUBMESSAGE}"]))
        return mails

    def _stream(self, name: str, inside: str | None = None) -> bytes | None:
        path = [*self._path, inside, name] if inside else [*self._path, name]
        if not self._storage.exists(path):
            return None
        try:
            return bytes(self._storage.openstream(path).read())
        except PARSER_FAILURES as error:
            raise PermanentError("corrupt", f"The mail's part {name!r} is damaged: {reason(error)}.") from error
