"""PDF: the text as it is meant to be read, not as it is set on paper."""

from io import BytesIO

from fpdf import FPDF
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import FreeText, Text
from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NameObject, TextStringObject

from pipelines.chunk import chunk
from pipelines.documents import ParsedDocument
from pipelines.parse import parse
from pipelines.parse.pdf_hyphens import Hyphens
from pipelines.parse.pdf_letters import in_order, plain_letters, with_accents
from pipelines.parse.pdf_order import Spot, in_reading_order
from pipelines.parse.pdf_symbols import composed
from pipelines.parse.pdf_text import LEFT_OUT
from pipelines.tokens import ModelTokenizer
from tests.pipelines.formulas import formula

SENTENCES = (
    "The quick brown fox jumps over the lazy dog while the farmer looks on.",
    "Nothing of this is of any importance for what is tested here, but it fills a line.",
    "A third line says the same as the two above it, in other words and at the same length.",
)


def _set(pdf: FPDF, x: float, y: float, text: str, size: float = 11) -> None:
    pdf.set_font("Helvetica", size=size)
    pdf.text(x, y, text)


def _body(pdf: FPDF, y: float, lines: int = 12) -> None:
    for number in range(lines):
        _set(pdf, 20, y + 6 * number, SENTENCES[number % 3])


def _parsed(pdf: FPDF) -> ParsedDocument:
    return parse(bytes(pdf.output()), "a.pdf")


def test_running_headers_are_left_out_after_the_first_time() -> None:
    pdf = FPDF()
    for number in range(1, 6):
        pdf.add_page()
        _set(pdf, 20, 12, "The Book of Examples", 9)
        _set(pdf, 20, 40, f"Page {number} begins with a line of its own")
        _body(pdf, 46)
        _set(pdf, 100, 285, str(number), 9)
    parsed = _parsed(pdf)
    assert parsed.pages[0].text.startswith("The Book of Examples\n\nPage 1 begins")
    assert [page.text.count("Book of Examples") for page in parsed.pages] == [1, 0, 0, 0, 0]
    assert [page.text.splitlines()[0] for page in parsed.pages[1:]] == [
        f"Page {number} begins with a line of its own" for number in range(2, 6)
    ]
    assert all(not page.text.rstrip().endswith(str(page.number)) for page in parsed.pages)
    assert parsed.notes == [LEFT_OUT]
    every = parse(bytes(pdf.output()), "a.pdf", every_line=True)
    assert every.notes == []
    for page in every.pages:
        assert page.text.startswith(f"The Book of Examples\n\nPage {page.number} begins with a line of its own\n")
        assert page.text.endswith(f"\n{page.number}")


def test_rows_of_a_table_are_no_headers() -> None:
    pdf = FPDF()
    for page in range(5):
        pdf.add_page()
        for row in range(30):
            _set(pdf, 20, 20 + 8 * row, f"{page * 30 + row} {page * 7 + row * 3} {page * row}")
    parsed = _parsed(pdf)
    assert [len(page.text.split()) for page in parsed.pages] == [90] * 5
    assert parsed.notes == []


def test_what_is_all_of_a_page_is_no_header() -> None:
    pdf = FPDF()
    for number in range(5):
        pdf.add_page()
        _set(pdf, 20, 20, f"Potato {number}")
    parsed = _parsed(pdf)
    assert [page.text for page in parsed.pages] == [f"Potato {number}" for number in range(5)]


def test_headings_by_the_size_of_type(tokenizer: ModelTokenizer) -> None:
    pdf = FPDF()
    for chapter in ("Beginnings", "Middles", "Ends"):
        pdf.add_page()
        _set(pdf, 20, 30, chapter, 20)
        _set(pdf, 20, 50, f"What {chapter.lower()} are about", 14)
        _body(pdf, 60)
    parsed = _parsed(pdf)
    lines = parsed.pages[1].text.split("\n")
    assert lines[:5] == ["# Middles", "", "## What middles are about", "", SENTENCES[0]]
    found = chunk(parsed.pages, tokenizer=tokenizer, window=64, overlap=0, media_type=parsed.media_type)
    assert "What middles are about" in {one.heading for one in found}


def test_headings_by_the_outline() -> None:
    pdf = FPDF()
    for number, title in enumerate(("First things", "Second things")):
        pdf.add_page()
        _set(pdf, 20, 30, f"{number + 1}. {title}", 11)  # no larger than the text
        _body(pdf, 40)
    writer = PdfWriter(clone_from=BytesIO(bytes(pdf.output())))
    for number, title in enumerate(("First things", "Second things")):
        writer.add_outline_item(title=title, page_number=number)
    buffer = BytesIO()
    writer.write(buffer)
    parsed = parse(buffer.getvalue(), "a.pdf")
    assert [page.text.split("\n", 1)[0] for page in parsed.pages] == ["# 1. First things", "# 2. Second things"]


def test_what_is_large_everywhere_is_no_heading() -> None:
    pdf = FPDF()
    pdf.add_page()
    for number in range(30):
        _set(pdf, 20, 20 + 8 * number, SENTENCES[number % 3][:40], 11 if number % 2 else 16)
    assert "#" not in _parsed(pdf).pages[0].text


def test_a_comment_of_a_shell_is_no_heading() -> None:
    pdf = FPDF()
    pdf.add_page()
    _set(pdf, 20, 30, "# rm -r /tmp/x")
    _body(pdf, 40)
    assert _parsed(pdf).pages[0].text.startswith("\\# rm -r")


def test_paragraphs_are_set_off() -> None:
    pdf = FPDF()
    pdf.add_page()
    _body(pdf, 20, lines=3)
    _body(pdf, 50, lines=3)
    assert _parsed(pdf).pages[0].text == "\n".join(SENTENCES) + "\n\n" + "\n".join(SENTENCES)


def test_scripts_belong_to_their_line() -> None:
    pdf = FPDF()
    pdf.add_page()
    _set(pdf, 20, 20, "The formula of water is H")
    end = 20 + pdf.get_string_width("The formula of water is H")
    _set(pdf, end, 21.5, "2", 7)
    _set(pdf, end + 1.5, 20, "O and nothing else")
    _body(pdf, 40)
    assert _parsed(pdf).pages[0].text.startswith("The formula of water is H2O and nothing else\n")


def test_a_word_that_a_line_divides() -> None:
    pdf = FPDF()
    pdf.add_page()
    for number, line in enumerate(
        ("We measured the through-", "put of a long-", "term study, and a long-term one", "of Anglo-", "Saxon origin.")
    ):
        _set(pdf, 20, 20 + 6 * number, line)
    text = _parsed(pdf).pages[0].text
    assert text.split("\n") == [
        "We measured the throughput",
        "of a long-term",
        "study, and a long-term one",
        "of Anglo-Saxon",
        "origin.",
    ]


def test_hyphens_are_kept_where_the_document_writes_them() -> None:
    hyphens = Hyphens(["dpkg-dev is a package, not a dpkgdev.", "A co-worker cooperates"])
    assert hyphens.joined("the dpkg", "dev package") == "the dpkgdev package"
    assert hyphens.joined("a co", "worker") == "a co-worker"
    assert hyphens.joined("infor", "mation") == "information"
    assert hyphens.joined("state-of", "the art") == "state-of-the art"
    assert hyphens.joined("COVID", "19") == "COVID-19"
    assert hyphens.joined("(see", ")") == "(see-)"


def test_ligatures_and_presentation_forms() -> None:
    assert plain_letters("eﬃcient ﬁre") == "efficient fire"
    assert plain_letters("\ufefb") == "لا"
    assert plain_letters("x² ½ ™") == "x² ½ ™"


def test_letters_of_an_arabic_ligature() -> None:
    places = {0: (1.0, 2.0), 1: (1.0, 2.0), 2: (2.0, 3.0), 3: (3.0, 4.0)}
    assert in_order("الال", places.__getitem__) == "لاال"


def test_accents_that_tex_sets_apart() -> None:
    assert with_accents("na¨ıve Introdu¸c˜ao B´asicos ˇCesk´y") == "naïve Introdução Básicos Český"
    assert with_accents("it´s 5 ¨ %") == "itś 5 ¨ %"  # so only where TeX was at work
    for creator, text in (("Writer", "Introdu¸cao"), ("LaTeX", "Introduçao")):
        pdf = FPDF()
        pdf.set_creator(creator)
        pdf.add_page()
        _set(pdf, 20, 20, "Introdu¸cao")
        assert _parsed(pdf).pages[0].text == text


def test_symbols_and_spaces_of_formulas_by_tex() -> None:
    content = (
        "BT /M 10 Tf 50 700 Td (P) Tj /S 10 Tf (0) Tj 12 0 Td (6) Tj /M 10 Tf (=) Tj 12 0 Td /S 10 Tf (h) Tj"
        " /M 10 Tf (P) Tj /S 10 Tf (i) Tj /M 10 Tf -24 -40 Td [(P) -60 (Q)] TJ 0 -40 Td [(P) -400 (Q)] TJ ET"
    )
    assert parse(formula("LaTeX", content), "a.pdf").pages[0].text == "P\u2032 \u2260 \u27e8P\u27e9\nPQ\nP Q"
    # Other programs are not asked about each character.
    assert parse(formula("Writer", content), "a.pdf").pages[0].text.startswith("P0 6= hPi\n")


def test_large_symbols_of_formulas_by_tex() -> None:
    content = (
        "BT /M 10 Tf 50 700 Td (P) Tj 10 0 Td (=) Tj /E 10 Tf 10 0 Td (X) Tj 20 0 Td (Z) Tj 20 0 Td (n) Tj /M 10 Tf"
        " 20 0 Td (P) Tj /E 10 Tf (f) Tj -80 -20 Td (z) Tj 10 0 Td (}|) Tj 15 0 Td ({) Tj"
        " /M 10 Tf -25 -20 Td (Q) Tj 0 -20 Td (Q=) Tj /E 10 Tf 20 0 Td ([) Tj ET"
    )
    assert parse(formula("LaTeX", content), "a.pdf").pages[0].text == "P = ∑ ∫ { P̃\nQ\nQ= ⋃"
    assert "[" in parse(formula("Writer", content), "a.pdf").pages[0].text


def test_brackets_of_pieces_over_several_lines() -> None:
    assert composed("\uf8eb\uf8ec\uf8ed x \uf8f6\uf8f7\uf8f8 \uf8f1\uf8f2\uf8f3") == "⎛⎜⎝ x ⎞⎟⎠ ⎧⎨⎩"


def test_a_formula_is_no_heading() -> None:
    pdf = FPDF()
    pdf.add_page()
    _set(pdf, 20, 20, "± a b c d e f", 16)
    _set(pdf, 20, 40, "A b c d e f", 16)
    _body(pdf, 60, lines=24)
    assert _parsed(pdf).pages[0].text.startswith("± a b c d e f\n\n# A b c d e f\n")


def test_a_text_box_that_comes_too_late() -> None:
    pdf = FPDF()
    pdf.add_page()
    _set(pdf, 20, 270, "a footer that the program wrote before all else")
    _body(pdf, 120, lines=4)
    _set(pdf, 20, 200, "The last paragraph of the page, below all the others")
    _body(pdf, 40, lines=4)
    _set(pdf, 20, 25, "The first line of the page, written at the very end")
    lines = [line for line in _parsed(pdf).pages[0].text.split("\n") if line]
    assert lines[0].startswith("The first line")
    assert lines[-2].startswith("The last paragraph")
    assert lines[-1].startswith("a footer")


def test_columns_stay_as_they_are_written() -> None:
    pdf = FPDF()
    pdf.add_page()
    left = [f"the left column, line {number} of ten" for number in range(10)]
    right = [f"the right column, line {number} of ten" for number in range(10)]
    for number, text in enumerate(left):
        _set(pdf, 20, 40 + 6 * number, text)
    for number, text in enumerate(right):
        _set(pdf, 110, 40 + 6 * number, text)
    assert _parsed(pdf).pages[0].text.split() == " ".join(left + right).split()


def test_columns_in_a_page_out_of_order() -> None:
    spots = [
        Spot(20, 90, 10, 20),
        Spot(110, 190, 60, 70),
        Spot(110, 190, 45, 55),
        Spot(20, 90, 60, 70),
        Spot(20, 190, 80, 90),
    ]
    assert in_reading_order(spots) == [4, 3, 0, 1, 2]


def test_what_a_form_is_filled_in_with() -> None:
    pdf = FPDF()
    pdf.add_page()
    _set(pdf, 20, 20, "Name:")
    writer = PdfWriter(clone_from=BytesIO(bytes(pdf.output())))
    fields = ArrayObject()
    for number, (name, value) in enumerate((("person.name", "Ada Lovelace"), ("person.city", "London"))):
        widget = DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Annot"),
                NameObject("/Subtype"): NameObject("/Widget"),
                NameObject("/FT"): NameObject("/Tx"),
                NameObject("/T"): TextStringObject(name),
                NameObject("/V"): TextStringObject(value),
                NameObject("/Rect"): ArrayObject(map(FloatObject, (100, 700 - 30 * number, 300, 720 - 30 * number))),
            }
        )
        if name == "person.city":
            widget[NameObject("/TU")] = TextStringObject("City of birth")
        fields.append(writer._add_object(widget))
    writer.pages[0][NameObject("/Annots")] = fields
    writer.root_object[NameObject("/AcroForm")] = DictionaryObject({NameObject("/Fields"): fields})
    buffer = BytesIO()
    writer.write(buffer)
    text = parse(buffer.getvalue(), "form.pdf").pages[0].text
    assert text.split("\n\n") == ["Name:", "name: Ada Lovelace", "City of birth: London"]


def test_comments_and_links() -> None:
    pdf = FPDF()
    pdf.add_page()
    _set(pdf, 20, 20, "Reviewed text")
    pdf.link(20, 15, 40, 8, "https://example.org/more")
    pdf.link(20, 35, 40, 8, "https://example.org/more")
    writer = PdfWriter(clone_from=PdfReader(BytesIO(bytes(pdf.output()))))
    writer.add_annotation(0, Text(text="This is wrong.\nAnd that.", rect=(50, 550, 200, 650), title_bar="Grace"))
    writer.add_annotation(0, FreeText(text="written across the page", rect=(50, 450, 200, 500)))
    buffer = BytesIO()
    writer.write(buffer)
    parsed = parse(buffer.getvalue(), "a.pdf")
    assert parsed.pages[0].text.split("\n\n") == [
        "Reviewed text",
        "> Grace: This is wrong.\n> And that.",
        "written across the page",
    ]
    assert parsed.metadata["links"] == "https://example.org/more"


def test_language() -> None:
    pdf = FPDF()
    pdf.set_lang("pt-BR")
    pdf.add_page()
    _set(pdf, 20, 20, "Um texto")
    assert _parsed(pdf).metadata["language"] == "pt-BR"
