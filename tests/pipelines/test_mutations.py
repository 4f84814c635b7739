"""Files of every format with bytes changed, cut and doubled: each is read, or refused with a class and a sentence."""

import json
import random
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from io import BytesIO

import pytest

from pipelines.documents import ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse import parse
from tests.pipelines.office import docx, epub, odf, paragraph, pptx, row, shape, xlsx, zipped

ROUNDS = 60
CODES = {"corrupt", "unsupported", "too_large", "encrypted"}


def mail() -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "One", "a@example.com", "b@example.com"
    message.set_content("text")
    message.add_attachment(b"data", maintype="application", subtype="pdf", filename="a.pdf")
    return message.as_bytes()


TABLE = "<w:tbl><w:tr><w:tc>" + paragraph("a") + "</w:tc><w:tc>" + paragraph("b") + "</w:tc></w:tr></w:tbl>"
FILES: dict[str, bytes] = {
    "a.docx": docx(paragraph("One", "H1") + TABLE),
    "a.pptx": pptx(shape("Title", kind="title") + shape("a", "b", kind="body")),
    "a.xlsx": xlsx({"S": row(1, "a", 1.5) + row(2, "b", 2)}),
    "a.odt": odf("text", '<text:h text:outline-level="1">One</text:h><text:p>two</text:p>'),
    "a.ods": odf("spreadsheet", '<table:table table:name="S"><table:table-row><table:table-cell/></table:table-row>'
                 "</table:table>"),
    "a.epub": epub("<h1>One</h1><p>two</p>"),
    "a.rtf": rb"{\rtf1\ansi{\fonttbl{\f0\fcharset204 A;}}\pard\intbl a\cell b\cell\row\pard \'e9\u8364?\par}",
    "a.zip": zipped({"a.txt": "one", "b/c.txt": "two"}),
    "a.eml": mail(),
    "a.ipynb": json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": ["x"], "outputs": []}]}).encode(),
    "a.json": b'{"a": [1, 2, {"b": "\\u00e4"}]}',
    "a.csv": b'a;b\n"c;d";e\n',
    "a.xml": b'<?xml version="1.0"?><list><pump id="7"><p>text <b>bold</b></p></pump></list>',
    "a.html": b"<html><body><table><tr><td>a<td>b</table><ul><li>x</ul></body></html>",
}  # fmt: skip


def mutated(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((1, 3, 10))):
        place, what = dice.randrange(len(changed) or 1), dice.random()
        if what < 0.4:
            changed[place : place + 1] = bytes((dice.randrange(256),))
        elif what < 0.6:
            del changed[place : place + dice.randrange(1, 40)]
        elif what < 0.8:
            changed[place:place] = changed[place // 2 : place // 2 + dice.randrange(1, 80)]
        else:
            changed[place : place + 4] = dice.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"9999", b"<!--", b"&lt;"))
    return bytes(changed)


def mutated_parts(data: bytes, dice: random.Random) -> bytes:
    """A ZIP that is whole, with one part mutated: what is packed is reached, too."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    victim = dice.choice(sorted(parts))
    content = parts[victim]
    return zipped({**parts, victim: mutated(content if isinstance(content, bytes) else content.encode(), dice)})


@pytest.mark.parametrize("name", FILES)
def test_every_mutation_has_a_clear_end(name: str) -> None:
    dice = random.Random(name)
    data = FILES[name]
    assert parse(data, name).media_type
    ways: list[Callable[[bytes, random.Random], bytes]] = [mutated]
    if data.startswith(b"PK"):
        ways.append(mutated_parts)
    for _ in range(ROUNDS):
        victim = dice.choice(ways)(data, dice)
        assert _ends_clearly(victim, name), victim


def _ends_clearly(data: bytes, name: str) -> bool:
    try:
        return isinstance(parse(data, name), ParsedDocument)
    except PermanentError as error:
        return error.code in CODES and error.message.endswith(".")
