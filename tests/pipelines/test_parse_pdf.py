"""PDF: what is read, what is reported, and what a broken file becomes."""

import logging
from collections.abc import Callable
from io import BytesIO

import pytest
from pypdf import PdfWriter
from pypdf.constants import PageLabelStyle
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, StreamObject, TextStringObject

from pipelines.documents import Member
from pipelines.errors import PermanentError
from pipelines.parse import ParseLimits, parse
from pipelines.parse.pdf_date import iso_date

MakePdf = Callable[..., bytes]
Encrypt = Callable[[bytes, str], bytes]


@pytest.mark.parametrize("engine", ["default", "fallback"])
def test_text_and_numbers_of_pages(make_pdf: MakePdf, engine: str) -> None:
    seen: list[tuple[int, int]] = []
    parsed = parse(
        make_pdf("First page", "", "Third page"),
        "three.pdf",
        engine=engine,
        report=lambda done, total: seen.append((done, total)),
    )
    assert parsed.media_type == "application/pdf"
    assert parsed.page_count == 3
    assert [(page.number, page.text.strip()) for page in parsed.pages] == [
        (1, "First page"),
        (2, ""),
        (3, "Third page"),
    ]
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert parsed.has_text
    assert parsed.notes == []


@pytest.mark.parametrize("engine", ["default", "fallback"])
def test_metadata(make_pdf: MakePdf, engine: str) -> None:
    parsed = parse(make_pdf("x", title="A title", author="An  author"), "a.pdf", engine=engine)
    assert parsed.metadata["title"] == "A title"
    assert parsed.metadata["author"] == "An author"
    assert parsed.metadata["created"].startswith("20")
    assert "T" in parsed.metadata["created"]


@pytest.mark.parametrize("engine", ["default", "fallback"])
def test_page_labels(make_pdf: MakePdf, engine: str) -> None:
    writer = PdfWriter(clone_from=BytesIO(make_pdf("i", "ii", "one")))
    writer.set_page_label(0, 1, style=PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(2, 2, style=PageLabelStyle.DECIMAL)
    buffer = BytesIO()
    writer.write(buffer)
    parsed = parse(buffer.getvalue(), "labels.pdf", engine=engine)
    assert [page.label for page in parsed.pages] == ["i", "ii", "1"]


def test_outline_becomes_metadata(make_pdf: MakePdf) -> None:
    writer = PdfWriter(clone_from=BytesIO(make_pdf("a", "b")))
    chapter = writer.add_outline_item(title="Chapter", page_number=0)
    writer.add_outline_item(title="Section", page_number=1, parent=chapter)
    buffer = BytesIO()
    writer.write(buffer)
    assert parse(buffer.getvalue(), "outline.pdf").metadata["outline"] == "Chapter\n  Section"


@pytest.mark.parametrize("engine", ["default", "fallback"])
def test_attachments_become_members(make_pdf: MakePdf, engine: str) -> None:
    writer = PdfWriter(clone_from=BytesIO(make_pdf("a")))
    writer.add_attachment("../data.csv", b"1,2").subtype = NameObject("/text/csv")
    buffer = BytesIO()
    writer.write(buffer)
    parsed = parse(buffer.getvalue(), "a.pdf", engine=engine)
    assert parsed.members == [Member("data.csv", "../data.csv", "text/csv", b"1,2")]
    assert parsed.pages[0].text.strip().endswith("## Attachments\n\n- ../data.csv")
    assert len(parsed.notes) == 1
    assert "points outside" in parsed.notes[0]


def test_a_file_that_is_pinned_to_a_page(make_pdf: MakePdf) -> None:
    writer = PdfWriter(clone_from=BytesIO(make_pdf("a", "b")))
    content = StreamObject()
    content.set_data(b"pinned")
    stream = writer._add_object(content)
    file = {"/Type": NameObject("/Filespec"), "/UF": TextStringObject("pinned.txt")}
    spec = DictionaryObject({NameObject(key): value for key, value in file.items()})
    spec[NameObject("/EF")] = DictionaryObject({NameObject("/F"): stream})
    annotation = DictionaryObject({NameObject("/Subtype"): NameObject("/FileAttachment"), NameObject("/FS"): spec})
    annotation[NameObject("/Rect")] = ArrayObject(map(NumberObject, (0, 0, 20, 20)))
    writer.pages[1][NameObject("/Annots")] = ArrayObject([writer._add_object(annotation)])
    buffer = BytesIO()
    writer.write(buffer)
    assert [(one.name, one.data) for one in parse(buffer.getvalue(), "a.pdf").members] == [("pinned.txt", b"pinned")]


def test_members_of_members_have_an_end(make_pdf: MakePdf) -> None:
    writer = PdfWriter(clone_from=BytesIO(make_pdf("a")))
    writer.add_attachment("inner.pdf", make_pdf("b"))
    buffer = BytesIO()
    writer.write(buffer)
    parsed = parse(buffer.getvalue(), "a.pdf", depth=ParseLimits().max_depth)
    assert parsed.members == []
    assert "max_depth" in parsed.notes[0]


def test_an_attachment_that_unpacks_too_far_is_left_out(make_pdf: MakePdf) -> None:
    writer = PdfWriter(clone_from=BytesIO(make_pdf("a")))
    writer.add_attachment("large.bin", b"0" * 10_000)
    buffer = BytesIO()
    writer.write(buffer)
    parsed = parse(buffer.getvalue(), "a.pdf", limits=ParseLimits(max_unpacked=9_999))
    assert parsed.members == []
    assert "'large.bin' was left out" in parsed.notes[0]
    assert parsed.pages[0].text.startswith("a\n")


@pytest.mark.parametrize("engine", ["default", "fallback"])
def test_needs_a_password(make_pdf: MakePdf, encrypt: Encrypt, engine: str) -> None:
    with pytest.raises(PermanentError) as caught:
        parse(encrypt(make_pdf("secret"), "user password"), "locked.pdf", engine=engine)
    assert caught.value.code == "encrypted"
    assert "password" in caught.value.message


@pytest.mark.parametrize("engine", ["default", "fallback"])
def test_opens_with_its_password(make_pdf: MakePdf, encrypt: Encrypt, engine: str) -> None:
    data = encrypt(make_pdf("secret"), "user password")
    parsed = parse(data, "locked.pdf", engine=engine, password="user password")
    assert "secret" in parsed.pages[0].text
    assert parsed.notes == ["The PDF is encrypted; it was opened with the password given."]


@pytest.mark.parametrize("engine", ["default", "fallback"])
def test_a_wrong_password_is_said_but_not_repeated(make_pdf: MakePdf, encrypt: Encrypt, engine: str) -> None:
    with pytest.raises(PermanentError) as caught:
        parse(encrypt(make_pdf("secret"), "user password"), "locked.pdf", engine=engine, password="guessed")
    assert caught.value.code == "encrypted"
    assert "the password given does not open it" in caught.value.message
    assert "guessed" not in caught.value.message


@pytest.mark.parametrize("engine", ["default", "fallback"])
def test_a_password_that_is_not_needed(make_pdf: MakePdf, encrypt: Encrypt, engine: str) -> None:
    parsed = parse(encrypt(make_pdf("readable"), ""), "open.pdf", engine=engine, password="needless")
    assert "readable" in parsed.pages[0].text
    assert parsed.notes == ["The PDF is encrypted; it opens without a password."]
    assert "plain" in parse(make_pdf("plain"), "a.pdf", engine=engine, password="needless").pages[0].text


@pytest.mark.parametrize("engine", ["default", "fallback"])
def test_an_empty_password_opens_it(make_pdf: MakePdf, encrypt: Encrypt, engine: str) -> None:
    parsed = parse(encrypt(make_pdf("readable"), ""), "open.pdf", engine=engine)
    assert "readable" in parsed.pages[0].text
    assert parsed.notes == ["The PDF is encrypted; it opens without a password."]


@pytest.mark.parametrize("engine", ["default", "fallback"])
@pytest.mark.parametrize("data", [b"%PDF-1.7\n", b"%PDF-1.7\n%%EOF" + bytes(range(256)) * 20, b"%PDF-1.4 trailer <<>>"])
def test_no_document_in_it(data: bytes, engine: str) -> None:
    with pytest.raises(PermanentError) as caught:
        parse(data, "broken.pdf", engine=engine)
    assert caught.value.code == "corrupt"
    assert caught.value.__cause__ is not None or engine == "fallback"


def test_every_truncation_has_an_outcome(make_pdf: MakePdf) -> None:
    data = make_pdf("some text", "more text")
    outcomes = {_outcome(data[:size]) for size in range(0, len(data), max(1, len(data) // 40))}
    assert outcomes <= {"corrupt", "unsupported", 0, 1, 2}


def _outcome(data: bytes) -> str | int:
    try:
        return parse(data, "cut.pdf").page_count
    except PermanentError as error:
        return error.code


def test_one_bad_page_does_not_spoil_the_rest(make_pdf: MakePdf) -> None:
    data = make_pdf("good", "doomed", "good too")
    second = data.index(b"/Type /Page\n", data.index(b"/Type /Page\n") + 1)
    broken = data[:second] + data[second:].replace(b"/Type /Page\n", b"/Type /Pxge\n", 1)
    parsed = parse(broken, "partly.pdf")
    assert parsed.page_count == len(parsed.pages) + len(parsed.problems)
    assert {1, 3} <= {page.number for page in parsed.pages if page.text.startswith("good")}


def test_pypdf_reads_what_pdfium_refuses(make_pdf: MakePdf, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.parse import by_pdfium

    def refuse(*_: object) -> None:
        raise PermanentError("corrupt", "pdfium cannot open the file: test.")

    monkeypatch.setattr(by_pdfium, "read", refuse)
    parsed = parse(make_pdf("saved"), "saved.pdf")
    assert "saved" in parsed.pages[0].text
    assert parsed.notes == ["The text was read by pypdf: pdfium cannot open the file: test."]


def test_too_many_pages(make_pdf: MakePdf) -> None:
    with pytest.raises(PermanentError) as caught:
        parse(make_pdf("1", "2", "3"), "long.pdf", limits=ParseLimits(max_pages=2))
    assert caught.value.code == "too_large"
    assert "max_pages of 2" in caught.value.message
    assert "3 pages" in caught.value.message


def test_too_much_text(make_pdf: MakePdf) -> None:
    with pytest.raises(PermanentError) as caught:
        parse(make_pdf("word " * 50, "word " * 50), "long.pdf", limits=ParseLimits(max_text_chars=300))
    assert caught.value.code == "too_large"
    assert "max_text_chars of 300" in caught.value.message


def test_memory_that_runs_out(make_pdf: MakePdf, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.parse import by_pdfium

    def exhaust(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(by_pdfium, "read", exhaust)
    with pytest.raises(PermanentError) as caught:
        parse(make_pdf("x"), "x.pdf")
    assert caught.value.code == "too_large"


def test_parsers_do_not_talk(
    make_pdf: MakePdf, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    broken = make_pdf("text").replace(b"startxref\n", b"startxref\n9")
    caplog.set_level(logging.DEBUG)
    for engine in ("default", "fallback"):
        parse(broken, "noisy.pdf", engine=engine)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert logging.getLogger("pypdf").level == logging.NOTSET


def test_unknown_engine(make_pdf: MakePdf) -> None:
    with pytest.raises(ValueError, match="engine must be"):
        parse(make_pdf("x"), "x.pdf", engine="ocr")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("D:20240131120005+01'30'", "2024-01-31T12:00:05+01:30"),
        ("D:20240131120005Z", "2024-01-31T12:00:05+00:00"),
        ("D:202401311200", "2024-01-31T12:00:00"),
        ("D:2024", "2024-01-01"),
        ("20240131", "2024-01-31"),
        ("last Tuesday", "last Tuesday"),
    ],
)
def test_iso_date(value: str, expected: str) -> None:
    assert iso_date(value) == expected
