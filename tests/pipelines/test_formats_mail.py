"""Mails, mailboxes and archives: text, members, and what stays out."""

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
from email.message import EmailMessage
from io import BytesIO

import msgspec
import pytest

from pipelines.documents import ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse import ParseLimits, parse
from tests.pipelines.office import zipped


def mail(**headers: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in {"subject": "Größe", "from": "Ann <a@example.com>", "to": "b@example.com", **headers}.items():
        message[name] = value
    message["Date"] = "Thu, 01 Feb 2024 10:00:00 +0100"
    message.set_content("Plain text.\n")
    return message


def contents(parsed: ParsedDocument) -> dict[str, bytes]:
    return {one.name: one.data for one in parsed.members}


def tarred(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for info, data in entries:
            info.size = len(data)
            archive.addfile(info, BytesIO(data))
    return buffer.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
    return info


def test_a_mail_with_alternatives_and_attachments() -> None:
    message = mail()
    message.add_alternative("<p>Rich text.</p>", subtype="html")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="../../Übersicht.pdf")
    inner = mail(subject="Inner")
    message.add_attachment(inner)
    parsed = parse(message.as_bytes(), "a.eml")
    assert parsed.media_type == "message/rfc822"
    assert parsed.pages[0].text == (
        "# Größe\n\nFrom: Ann <a@example.com>\nTo: b@example.com\nDate: Thu, 01 Feb 2024 10:00:00 +0100\n\n"
        "Plain text.\n\n"
        "## Attachments\n\n- ../../Übersicht.pdf\n- Inner.eml"
    )
    assert parsed.metadata == {
        "title": "Größe",
        "author": "Ann <a@example.com>",
        "created": "2024-02-01T10:00:00+01:00",
    }
    assert contents(parsed)["Übersicht.pdf"] == b"%PDF-"
    assert b"subject: Inner" in contents(parsed)["Inner.eml"]
    assert parsed.notes == ["'../../Übersicht.pdf' points outside of its container; only its last name was kept."]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(parsed), type=ParsedDocument) == parsed


def test_a_mail_of_html_alone_is_read_as_markdown() -> None:
    message = mail()
    message.set_content("<h2>Offer</h2><p>Buy</p>", subtype="html")
    assert parse(message.as_bytes(), "a.eml").pages[0].text.endswith("\n\n## Offer\n\nBuy")


def test_mails_that_break_the_rules() -> None:
    raw = b"From: x\nSubject: \xd0\x9f\xd1\x80\xd0\xb8\nMIME-Version: 1.0\nDate: never\n"
    raw += b"Content-Type: text/plain; charset=no-such\n\n"
    parsed = parse(raw + "Привет".encode(), "a.eml")
    assert parsed.pages[0].text == "# При\n\nFrom: x\nDate: never\n\nПривет"
    assert parsed.metadata == {"title": "При", "author": "x"}


def test_mails_of_a_mailbox_are_pages() -> None:
    box = b"".join(
        b"From a@example.com Thu Feb  1 10:00:00 2024\n" + mail(subject=f"Mail {n}").as_bytes() + b"\n>From here\n\n"
        for n in (1, 2)
    )
    parsed = parse(box, "a.mbox")
    assert parsed.media_type == "application/mbox"
    assert [page.label for page in parsed.pages] == ["Mail 1", "Mail 2"]
    assert parsed.pages[1].text.endswith("Plain text.\n\nFrom here")


def test_a_zip_lists_its_files_and_gives_them() -> None:
    parsed = parse(
        zipped({"docs/a.txt": "one", "b.md": "# two", "__MACOSX/x": "", "/etc/c.txt": "three"}), "papers.zip"
    )
    assert parsed.pages[0].text == "# papers.zip\n\n## Files\n\n- docs/a.txt\n- b.md\n- /etc/c.txt"
    assert contents(parsed) == {"a.txt": b"one", "b.md": b"# two", "c.txt": b"three"}
    assert [one.path for one in parsed.members] == ["docs/a.txt", "b.md", "/etc/c.txt"]
    assert parsed.notes == ["'/etc/c.txt' points outside of its container; only its last name was kept."]


def test_links_and_bombs_in_a_zip_stay_out() -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("bomb", bytes(20_000_000))
        archive.writestr("good.txt", "good")
    parsed = parse(buffer.getvalue(), "a.zip")
    assert contents(parsed) == {"good.txt": b"good"}
    assert parsed.notes[0] == "'link' was left out: it is a link."
    assert parsed.notes[1].startswith("'bomb' was left out: The part 'bomb' unpacks to more than 250 times its size")


def test_names_of_a_zip_in_another_encoding() -> None:
    """As a Japanese Windows writes them: its bytes, and no word that they are UTF-8."""
    names = ["文書の一覧.txt", "報告書.txt", "請求書の控え.txt"]
    data = zipped({f"{'x' * (len(name.encode('cp932')) - 1)}{number}": "x" for number, name in enumerate(names)})
    for number, name in enumerate(names):
        raw = name.encode("cp932")
        data = data.replace(b"x" * (len(raw) - 1) + str(number).encode(), raw)
    assert [one.name for one in parse(data, "a.zip").members] == names


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_tar_however_it_is_packed(pack) -> None:  # type: ignore[no-untyped-def]
    data = tarred(
        (entry("a/one.txt"), b"one"),
        (entry("../../two.txt"), b"two"),
        (entry("link", tarfile.SYMTYPE), b""),
        (entry("hard", tarfile.LNKTYPE), b""),
        (entry("device", tarfile.CHRTYPE), b""),
    )
    parsed = parse(pack(data), "a.tar.x")
    assert contents(parsed) == {"one.txt": b"one", "two.txt": b"two"}
    assert parsed.notes == [
        "'../../two.txt' points outside of its container; only its last name was kept.",
        "'link' was left out: it is a link.",
        "'hard' was left out: it is a link.",
        "'device' was left out: it is no regular file.",
    ]


def test_a_single_packed_file_is_a_member() -> None:
    parsed = parse(gzip.compress(b"log line\n" * 10), "server.log.gz")
    assert contents(parsed) == {"server.log": b"log line\n" * 10}


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_bomb_is_refused(pack) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PermanentError, match="as only a decompression bomb does") as caught:
        parse(pack(bytes(30_000_000)), "a.gz")
    assert caught.value.code == "too_large"


def test_a_cut_off_tar_keeps_what_came_before() -> None:
    packed = gzip.compress(tarred((entry("one.txt"), b"one"), (entry("two.txt"), bytes(range(256)) * 500)), 1)
    parsed = parse(packed[: len(packed) // 2], "a.tgz")
    assert contents(parsed) == {"one.txt": b"one"}
    assert parsed.notes[0].startswith("The archive is damaged behind its file 'one.txt': ")


def test_limits_on_count_depth_and_size() -> None:
    data = zipped({f"{n}.txt": "x" * 100 for n in range(5)})
    few = parse(data, "a.zip", limits=ParseLimits(max_members=2))
    assert len(few.members) == 2
    assert few.pages[0].text.count("- ") == 5
    assert few.notes == ["3 members are listed but were not read: the limit is max_members of 2."]
    deep = parse(data, "a.zip", depth=3)
    assert deep.members == []
    assert deep.notes == ["5 members are listed but were not read: the limit is max_depth of 3."]
    with pytest.raises(PermanentError, match="more than the limit max_unpacked"):
        parse(data, "a.zip", limits=ParseLimits(max_unpacked=450))


def test_encrypted_zips() -> None:
    data = bytearray(zipped({"a.txt": "one"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    with pytest.raises(PermanentError) as caught:
        parse(bytes(data), "a.zip")
    assert caught.value.code == "encrypted"
