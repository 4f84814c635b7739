"""Mails and mailboxes: headers, text and the list of attachments, which become members.

In a mailbox, each mail is a page.
"""

import re
from collections.abc import Iterator

from pipelines.documents import ParsedDocument
from pipelines.parse import media
from pipelines.parse.blocks import Blocks
from pipelines.parse.limits import ParseLimits
from pipelines.parse.mail_message import Message
from pipelines.parse.members import Members
from pipelines.parse.parser import Report, Source

_SEPARATOR = re.compile(rb"(?:\A|\n\r?\n)From [^\n]*\d{4}[^\n]*\n")
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_WRITTEN = (("from", "From"), ("to", "To"), ("cc", "Cc"), ("date", "Date"))


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of an EML or MBOX. Raises PermanentError ``corrupt`` or ``too_large``."""
    data = source.data
    if source.encoding is not None and source.encoding.startswith("utf-") and source.encoding != "utf-8":
        data = (source.text or "").encode()  # a whole mail in UTF-16 is no mail, but people have them
    members = Members(limits, source.depth)
    blocks = Blocks(limits)
    if source.media_type == media.MBOX:
        metadata: dict[str, str] = {}
        mails = list(_split(data))
        limits.check_pages(len(mails))
        for number, mail in enumerate(mails, start=1):
            message = Message(mail)
            blocks.new_page(message.header("subject") or f"mail {number}")
            write(message, blocks, members)
            report(number, len(mails))
    else:
        message = Message(data)
        metadata = message.metadata()
        write(message, blocks, members)
        report(1, 1)
    pages = blocks.pages()
    return ParsedDocument(source.media_type, len(pages), pages, [], metadata, members.all_notes(), members.taken)


def write(message: Message, blocks: Blocks, members: Members) -> None:
    """Write one mail: subject as heading, who to whom, text, attachments."""
    blocks.heading(1, message.header("subject") or "(no subject)")
    lines = [f"{label}: {message.header(name)}" for name, label in _WRITTEN if message.header(name)]
    blocks.paragraph("\n".join(lines))
    before = len(members.listed)
    for text, is_markdown in message.texts():
        (blocks.markdown if is_markdown else blocks.paragraph)(text)
    for attachment in message.attachments:
        members.take(attachment.name, attachment.data, attachment.media_type)
    members.notes.extend(message.notes)
    added = members.listed[before:]
    if added:
        blocks.heading(2, "Attachments")
        for path in added:
            blocks.item(path)


def _split(data: bytes) -> Iterator[bytes]:
    starts = list(_SEPARATOR.finditer(data))
    for index, match in enumerate(starts):
        end = starts[index + 1].start() if index + 1 < len(starts) else len(data)
        yield _QUOTED_FROM.sub(rb"\1", data[match.end() : end])
