"""Pictures of text become text, whatever their format, depth and side that is up."""

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from pipelines.errors import PermanentError
from pipelines.ocr import languages
from pipelines.ocr.pictures import MOST_PIXELS, open_pictures
from pipelines.ocr.recognise import Recognised, Recogniser
from pipelines.parse import parse
from pipelines.parse.scans import scanned_pages
from tests.pipelines.scans import LINES, encoded, scan, scanned_pdf


@pytest.fixture(scope="module")
def recogniser(tesseract: None) -> Recogniser:
    folder = languages.folder()
    assert folder is not None
    return Recogniser("eng", folder)


def read(recogniser: Recogniser, data: bytes, media_type: str, number: int = 1) -> Recognised:
    return recogniser.read(*open_pictures(data, media_type).page(number))


def has_all(text: str) -> bool:
    return all(line in text for line in LINES)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_every_format_is_read(recogniser: Recogniser, kind: str) -> None:
    data = encoded(scan(), kind)
    parsed = parse(data, "scan")
    assert (parsed.pages, parsed.page_count, parsed.scanned) == ([], 1, [1])
    found = read(recogniser, data, parsed.media_type)
    assert has_all(found.text)
    assert found.confidence > 80


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_depth_is_read(recogniser: Recogniser, mode: str) -> None:
    """16 bits too, which lose all but the brightest parts when they are merely cut."""
    page = scan()
    if mode == "I;16":
        page = page.convert("I").point(lambda value: value * 200)
    page = page.convert(mode, dither=Image.Dither.NONE)
    assert has_all(read(recogniser, encoded(page, "TIFF"), "image/tiff").text)


def test_what_is_transparent_is_white(recogniser: Recogniser) -> None:
    ink = scan().point(lambda value: 255 - value)
    page = Image.new("RGBA", ink.size, (0, 0, 0, 0))
    page.paste((0, 0, 0, 255), mask=ink.point(lambda value: 255 if value > 128 else 0))
    assert has_all(read(recogniser, encoded(page, "PNG"), "image/png").text)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_page_on_its_head_or_side_is_turned(recogniser: Recogniser, turn: int) -> None:
    data = scanned_pdf(scan().rotate(turn, expand=True).resize((1240, 1754)) if turn == 180 else scan())
    if turn == 180:
        assert has_all(read(recogniser, data, "application/pdf").text)
    turned = encoded(scan().rotate(turn, expand=True), "PNG")
    assert has_all(read(recogniser, turned, "image/png").text)


def test_a_camera_says_which_side_is_up(recogniser: Recogniser) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to the right to look at it
    data = encoded(scan().rotate(90, expand=True), "JPEG", exif=exif)
    picture, _ = open_pictures(data, "image/jpeg").page(1)
    assert picture.height > picture.width
    assert has_all(recogniser.read(picture, 300).text)


def test_each_page_of_a_tiff_and_the_first_frame_of_the_others(recogniser: Recogniser) -> None:
    pages = [scan(f"This is page number {number} of the fax.") for number in (1, 2, 3)]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert parse(data, "fax.tif").scanned == [1, 2, 3]
    assert "page number 3" in read(recogniser, data, "image/tiff", 3).text
    assert parse(encoded(pages[0], "GIF", save_all=True, append_images=pages[1:]), "a.gif").scanned == [1]


def test_only_pages_that_are_pictures_are_scanned(recogniser: Recogniser) -> None:
    """Neither those with text, nor empty ones."""
    data = scanned_pdf("Typed.", scan(), "", "Typed too.", scan("The last page."))
    parsed = parse(data, "mixed.pdf")
    assert scanned_pages(data, parsed.pages) == [2, 5]
    assert "The last page." in read(recogniser, data, "application/pdf", 5).text


def test_a_blank_page_says_nothing(recogniser: Recogniser) -> None:
    assert read(recogniser, encoded(scan(" "), "PNG"), "image/png") == Recognised("", 0.0)


def test_words_over_a_line_end_are_one_word(recogniser: Recogniser) -> None:
    data = encoded(scan("They asked about the main-", "tenance of the old build-", "ing and paid in advance."), "PNG")
    assert "maintenance of the old building" in read(recogniser, data, "image/png").text


def test_a_poster_is_drawn_no_larger_than_can_be_read() -> None:
    from fpdf import FPDF

    pdf = FPDF(unit="mm", format=(2000, 3000))
    pdf.add_page()
    picture, dpi = open_pictures(bytes(pdf.output()), "application/pdf").page(1)
    assert picture.width * picture.height <= MOST_PIXELS * 1.01
    assert dpi < 100


def png(width: int, height: int) -> bytes:
    """A PNG that claims so many pixels, all alike."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_pictures_that_would_take_gigabytes_are_refused_unread() -> None:
    with pytest.raises(PermanentError, match="pixels") as caught:
        parse(png(60_000, 60_000), "bomb.png")
    assert caught.value.code == "too_large"
    with pytest.raises(PermanentError, match="156,250,000 pixels") as caught:
        open_pictures(png(12_500, 12_500), "image/png").page(1)
    assert caught.value.code == "too_large"


def test_a_broken_picture_says_so() -> None:
    whole = encoded(scan(), "PNG")
    with pytest.raises(PermanentError, match="cannot be decoded"):
        open_pictures(whole[: len(whole) // 2], "image/png").page(1)
    with pytest.raises(PermanentError, match="cannot be opened"):
        parse(whole[:20], "cut.png")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    assert languages.folder() is None
    said = languages.missing("eng+deu") or ""
    assert "OCR is not installed" in said
    assert "tesseract-ocr tesseract-ocr-eng tesseract-ocr-deu" in said
    for name in ("eng", "osd"):
        (tmp_path / f"{name}.traineddata").touch()
    assert languages.installed() == ["eng"]
    assert languages.missing("eng") is None
    assert "no language files for chi_sim (it has eng)" in (languages.missing("eng+chi_sim") or "")
    assert "tesseract-ocr-chi-sim" in (languages.missing("eng+chi_sim") or "")
