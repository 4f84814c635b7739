"""HTML, Markdown, plain text, and telling them apart from what is none of them."""

import codecs
import subprocess
import sys
from time import process_time

import msgspec
import pytest

from pipelines.documents import Page, ParsedDocument
from pipelines.errors import LimitError, PermanentError
from pipelines.parse import ParseLimits, parse
from tests.pipelines.office import docx, paragraph, row, xlsx


def text_of(data: bytes, name: str) -> str:
    parsed = parse(data, name)
    assert len(parsed.pages) == 1
    return parsed.pages[0].text


def html(body: str) -> str:
    return text_of(f"<!doctype html><html><body>{body}</body></html>".encode(), "page.html")


def test_nothing_is_not_an_error() -> None:
    parsed = parse(b"", "empty.pdf")
    assert (parsed.media_type, parsed.page_count, parsed.has_text) == ("application/x-empty", 0, False)


def test_whitespace_is_no_text() -> None:
    assert not parse(b" \n\t\n ", "blank.txt").has_text


def test_form_feeds_end_pages() -> None:
    seen: list[tuple[int, int]] = []
    parsed = parse(b"one\ftwo\f", "pages.txt", report=lambda done, total: seen.append((done, total)))
    assert parsed.pages == [Page(1, None, "one"), Page(2, None, "two")]
    assert seen == [(2, 2)]


@pytest.mark.parametrize(
    ("start", "code"),
    [(b"word/document.xml", "DOCX"), (b"mimetypeapplication/vnd.oasis.opendocument.text", "ZIP"), (b"", "ZIP")],
)
def test_a_zip_without_a_directory_is_corrupt(start: bytes, code: str) -> None:
    with pytest.raises(PermanentError, match="its directory at the end is missing") as caught:
        parse(b"PK\x03\x04" + bytes(26) + start + bytes(range(256)), f"file.{code}")
    assert caught.value.code == "corrupt"


@pytest.mark.parametrize("name", ["report.pdf", "report.docx", "report.html", "report"])
def test_the_bytes_decide_not_the_name(name: str) -> None:
    parsed = parse("Grüße, just text.".encode(), name)
    assert parsed.media_type == "text/plain" or name.endswith(".pdf")
    assert bool(parsed.notes) == ("." in name)


def test_html_named_as_text() -> None:
    parsed = parse(b"<html><body><p>hi</p></body></html>", "page.txt")
    assert parsed.media_type == "text/html"
    assert parsed.notes == ["The name ends in .txt, but the content is text/html; it was read as what it is."]


@pytest.mark.parametrize(
    ("data", "looks_like"),
    [
        (b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(range(256)), "unpack it and submit what is in it; supported: "),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "application/x-ole-storage"),
        (b"%!PS-Adobe-3.0 (not text)", "application/postscript"),
        (bytes(range(256)) * 8, "binary data"),
        (b"\x00" * 1000, "binary data"),
    ],
)
def test_unsupported(data: bytes, looks_like: str) -> None:
    with pytest.raises(PermanentError) as caught:
        parse(data, "file.bin")
    assert caught.value.code == "unsupported"
    assert looks_like in caught.value.message
    assert "supported: PDF, DOCX, " in caught.value.message


@pytest.mark.parametrize(
    ("magic", "rest", "is_a"),
    [
        (b"\x7fELF", "f0638544973ba709256270a3e946f32a", "application/x-elf"),
        (b"\x7fELF", "56b8cd3d939ab028483477beb62853d8", "application/x-elf"),
        (b"\xca\xfe\xba\xbe", "8d489ef7cb379d729b5ba4592687d5bb", "application/java-vm"),
        (b"Rar!\x1a\x07", "3f317474352f375c51504a7129764f4e", "unpack it"),
        (b'\x04"M\x18', "0cdda75275455725094aa796316e80b4", "unpack it"),
        (b"!<arch>\n", "3b47fd882a46fb6175e1fda223ef9df8", "application/x-archive"),
        (b"OggS\0\2", "565e21c28f296076771c010829261e62", "audio/ogg"),
    ],
)
def test_bytes_that_pass_for_text_behind_a_signature(magic: bytes, rest: str, is_a: str) -> None:
    """Small binaries that some old encoding has letters for, found by trying random ones."""
    with pytest.raises(PermanentError, match=is_a) as caught:
        parse(magic + bytes.fromhex(rest) * 20, "file")
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize(
    ("magic", "rest"),
    [
        (b"\xff\xd8\xff\xe1", "3929dc715f96b859fa7a39547c7a9ddb"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "a5d2b90b95954b85aeb3110020b78266"),
        (b"\x89PNG\r\n\x1a\n", "689dc1f8e2e4578e84b329bf0ae9d42a"),
        (b"MM\0*", "683b2d22df9079394a014ee18d88d1bc"),
    ],
)
def test_a_broken_picture_is_no_text(magic: bytes, rest: str) -> None:
    with pytest.raises(PermanentError) as caught:
        parse(magic + bytes.fromhex(rest) * 20, "photo")
    assert caught.value.code == "corrupt"


WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None  # what Python has there for a package that cannot be imported
from pipelines.errors import PermanentError
from pipelines.parse import parse
assert parse(b"plain text", "a.txt").pages[0].text == "plain text"
try:
    parse(sys.stdin.buffer.read(), "")
except PermanentError as error:
    print(error.code, error.message)
"""


@pytest.mark.parametrize(
    ("package", "data", "label"),
    [
        ("python_calamine", xlsx({"S": row(1, "x")}), "XLSX, XLSB, XLS"),
        ("lxml", docx(paragraph("x")), "DOCX"),
        ("selectolax", b"<!doctype html><p>x", "HTML"),
    ],
)
def test_a_package_that_is_missing_is_named(package: str, data: bytes, label: str) -> None:
    command = [sys.executable, "-c", WITHOUT, package]
    said = subprocess.run(command, input=data, capture_output=True, check=True, timeout=60).stdout.decode()
    assert said.startswith(f"not_installed Reading {label} needs the Python package '{package}")
    assert "install the service's dependencies again and retry" in said


def test_binary_named_pdf_is_a_corrupt_pdf() -> None:
    with pytest.raises(PermanentError) as caught:
        parse(bytes(range(256)) * 8, "report.pdf")
    assert caught.value.code == "corrupt"


SPANISH = "El año pasado la señora Núñez compró diez piñatas en Cádiz; «¡qué ilusión!», dijo la niña más pequeña. " * 3
RUSSIAN = "Служба обрабатывает документы и никогда их не теряет, даже если процесс внезапно завершается. " * 3
POLISH = "Usługa przetwarza dokumenty i nigdy ich nie gubi. Każdy dokument ma wynik: żółć, łódź, źdźbło, gęś. " * 3
CZECH = "Služba zpracovává dokumenty a nikdy je neztratí. Příliš žluťoučký kůň úpěl ďábelské ódy. " * 3
GREEK = "Η υπηρεσία επεξεργάζεται έγγραφα και δεν τα χάνει ποτέ, ακόμη και αν η διαδικασία τερματιστεί ξαφνικά. " * 3
TURKISH = "Hizmet belgeleri işler ve süreç aniden sona erse bile onları asla kaybetmez. Şığ, ğüneş, çığır, ılık. " * 3
HUNGARIAN = "Az erdőben sok fa nő, és a tűz gyorsan terjed. A jövő héten elküldjük az összes szükséges űrlapot."
SLOVAK = "Služba nestratí žiadny dokument, aj keď sa náhle skončí. Kŕdeľ ďatľov učí koňa žrať kôru. Ťava ľúbi vodu."
LITHUANIAN = "Paslauga niekada jų nepraranda. Žmonės gyvena čia jau šimtą metų, o ežerai yra gražūs. Įlinkdama ėjo."
CHINESE = "文档处理服务把提交的文档转换成可以检索的文本。处理过程绝不会丢失，即使进程突然结束。" * 3
JAPANESE = "文書処理サービスは、提出された文書を検索可能なテキストに変換します。処理は決して失われません。" * 3


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (SPANISH, "utf-8"),
        (SPANISH, "utf-8-sig"),
        (SPANISH, "cp1252"),
        (SPANISH, "utf-16"),
        (SPANISH, "utf-32"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        ("Plain words without a mark of their order. " * 3, "utf-16-le"),
        ("Plain words without a mark of their order. " * 3, "utf-16-be"),
        ("Grüße", "cp1252"),
        (JAPANESE + "\n", "utf-16-le"),
        (JAPANESE + "\n", "utf-16-be"),
        (CHINESE + " ", "utf-16-le"),
        (JAPANESE, "iso2022_jp"),
        (CHINESE, "gb18030"),
        (CHINESE, "utf-8"),
        (POLISH, "cp1250"),
        (POLISH, "iso8859-2"),
        (CZECH, "cp1250"),
        (CZECH, "iso8859-2"),
        (GREEK, "cp1253"),
        (TURKISH, "cp1254"),
        ("Услугата обработва документи и никога не ги губи, дори ако процесът внезапно спре.", "cp1251"),
        (HUNGARIAN, "cp1250"),
        (HUNGARIAN, "iso8859-2"),
        (SLOVAK, "iso8859-2"),
        (LITHUANIAN, "cp1257"),
        (LITHUANIAN, "iso8859-13"),
        (CHINESE, "hz"),
        ("Set the mark ~{x~} here ~ and there ~/x", "ascii"),
    ],
)
def test_encodings(text: str, encoding: str) -> None:
    assert text_of(text.encode(encoding), "text.txt") == text


def test_a_bom_beats_what_the_page_says() -> None:
    page = codecs.BOM_UTF8 + '<html><meta charset="koi8-r"><body>naïve</body></html>'.encode()
    assert text_of(page, "page.html") == "naïve"


def test_html_in_its_declared_encoding() -> None:
    page = '<html><head><meta charset="windows-1251"><title>Имя</title></head><body>Слово</body></html>'
    parsed = parse(page.encode("cp1251"), "page.html")
    assert parsed.pages[0].text == "Слово"
    assert parsed.metadata == {"title": "Имя"}


def test_html_that_lies_about_its_encoding() -> None:
    assert text_of('<html><meta charset="utf-8"><body>Größe</body></html>'.encode("cp1252"), "page.html") == "Größe"


def test_only_visible_text() -> None:
    page = """<head><title>T</title><style>p{}</style></head><body><script>x()</script><noscript>no</noscript>
    <template>no</template><p hidden>no</p><p style="color:red;display:none">no</p><!-- no --><p>yes</p></body>"""
    assert html(page) == "yes"


def test_blocks_and_inline() -> None:
    assert html("<p>One <b>bold</b>\n  word</p><p>Two<br>lines</p>tail") == "One bold word\n\nTwo\nlines\n\ntail"


def test_headings_and_lists() -> None:
    page = "<h1>Title</h1><p>Text</p><h2>Part<br>two</h2><ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"
    assert html(page) == "# Title\n\nText\n\n## Part two\n\n- a\n  - b\n- c"


def test_lists_keep_their_numbers() -> None:
    page = "<ol><li>a<ul><li>x</ul><li>b</ol><ol start=7><li>c<li value=9>d<li>e</ol>"
    assert parse(page.encode(), "a.html").pages[0].text == "1. a\n  - x\n2. b\n\n7. c\n9. d\n10. e"


@pytest.mark.parametrize(
    ("anchor", "text"),
    [
        ("<a href='https://e.org/x'>the <b>place</b> </a>", "[the place](https://e.org/x)"),
        ("<a href='https://e.org/x'>https://e.org/x</a>", "https://e.org/x"),
        ("<a href='/x'>here</a>", "here"),
        ("<a href='javascript:x()'>here</a>", "here"),
        (f"<a href='https://e.org/{'x' * 300}'>here</a>", "here"),
        ("<a href='https://e.org'></a>", ""),
        ("<a>here</a>", "here"),
        ("<a href='https://e.org'><a href='https://f.org'>here</a></a>", "[here](https://f.org)"),
    ],
)
def test_links_keep_their_addresses(anchor: str, text: str) -> None:
    page = f"<p>Look at {anchor} now"
    assert parse(page.encode(), "a.html").pages[0].text == f"Look at {text} now".replace("  ", " ")


def test_links_around_blocks_are_text() -> None:
    page = "<a href='https://e.org'><h2>News</h2><p>Text</p></a><p>More"
    assert parse(page.encode(), "a.html").pages[0].text == "## News\n\nText\n\nMore"


def test_data_tables_become_markdown() -> None:
    page = "<table><tr><th>Name</th><th>Size</th></tr><tr><td>a|b</td><td>1<br>2</td></tr></table>after"
    assert html(page) == "| Name | Size |\n|---|---|\n| a\\|b | 1 2 |\n\nafter"


def test_layout_tables_become_blocks() -> None:
    page = "<table><tr><td><h1>Menu</h1><p>x</p></td><td><p>Body</p><p>text</p></td></tr></table>"
    assert html(page).split() == ["#", "Menu", "x", "Body", "text"]
    assert "|" not in html(page)


def test_nested_tables_keep_all_their_text() -> None:
    nested = "".join(f"<table><tr><td>w{depth}" for depth in range(40)) + "</td></tr></table>" * 40
    assert html(nested).split() == [f"w{depth}" for depth in range(40)]


def test_pre_keeps_its_spaces() -> None:
    assert html("<pre>\n  a\n    b\n</pre>") == "  a\n    b"


def test_deep_nesting() -> None:
    assert html("<div>" * 5000 + "deep" + "</div>" * 5000) == "deep"


def test_front_matter_becomes_metadata() -> None:
    parsed = parse(b'---\ntitle: "A: b"\ndate: 2024-01-31\n---\n# Heading\n\ntext\n', "a.md")
    assert parsed.media_type == "text/markdown"
    assert parsed.metadata == {"title": "A: b", "date": "2024-01-31"}
    assert parsed.pages[0].text == "# Heading\n\ntext\n"


def test_front_matter_that_is_not_simple_stays() -> None:
    source = b"---\ntags:\n  - a\n---\n# Heading\n"
    parsed = parse(source, "a.md")
    assert parsed.pages[0].text == source.decode()
    assert parsed.metadata == {"title": "Heading"}


def test_markdown_without_a_name() -> None:
    assert parse(b"# One\n\ntext\n\n# Two\n", "README").media_type == "text/markdown"
    assert parse(b"# a comment\nx = 1\n", "script").media_type == "text/plain"


def test_too_large() -> None:
    cases = [
        (b"123456", ParseLimits(max_text_chars=5), ("max_text_chars", 5, 6, "characters")),
        (b"1\f2\f3", ParseLimits(max_pages=2), ("max_pages", 2, 3, "pages")),
        (b"123456", ParseLimits(max_bytes=5), ("max_bytes", 5, 6, "bytes")),
    ]
    for data, limits, exceeded in cases:
        with pytest.raises(LimitError, match=f"{exceeded[0]} of {exceeded[1]}") as caught:
            parse(data, "a.txt", limits=limits)
        assert caught.value.code == "too_large"
        assert tuple(caught.value.exceeded.values()) == exceeded


def test_results_survive_msgspec() -> None:
    parsed = parse(b"---\ntitle: x\n---\ntext", "a.md")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(parsed), type=ParsedDocument) == parsed


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"<!-- x -->" * 5000 + b"no tag", "comments.txt"),
        (b"# x" + b" #" * 30_000 + b"y", "heading.md"),
        (b"---\n" + b"a: b\n" * 10_000, "matter.md"),
        (b"<p" * 30_000, "tags.html"),
        (b"<meta " * 10_000 + b"charset" + b" " * 10_000, "meta.html"),
        (b"\n" * 200_000 + b"." * 100_000, "blank"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nothing_takes_quadratic_time(data: bytes, name: str) -> None:
    started = process_time()
    parse(data, name)
    assert process_time() - started < 2
