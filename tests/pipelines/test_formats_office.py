"""Word, PowerPoint, Excel, OpenDocument and e-books: text, structure, and what is refused."""

import pytest

from pipelines.chunk import chunk
from pipelines.documents import ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse import ParseLimits, parse
from pipelines.tokens import ModelTokenizer
from tests.pipelines.office import A, P, W, docx, epub, odf, paragraph, pptx, rels, row, shape, xlsx, zipped

STYLES = (
    f'<w:styles {W}><w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:styleId="Mine"><w:basedOn w:val="H1"/><w:pPr><w:numPr><w:numId w:val="7"/></w:numPr></w:pPr></w:style>'
    '<w:style w:styleId="H2"><w:name w:val="heading 2"/><w:pPr><w:numPr><w:ilvl w:val="1"/><w:numId w:val="7"/>'
    "</w:numPr></w:pPr></w:style></w:styles>"
)
NUMBERING = (
    f'<w:numbering {W}><w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/>'
    '<w:lvlText w:val="%1."/></w:lvl><w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/>'
    "</w:lvl>"
    '</w:abstractNum><w:abstractNum w:abstractNumId="2"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl>'
    '</w:abstractNum><w:num w:numId="7"><w:abstractNumId w:val="1"/></w:num>'
    '<w:num w:numId="8"><w:abstractNumId w:val="2"/></w:num></w:numbering>'
)
STYLED: dict[str, str | bytes] = {
    "word/styles.xml": STYLES,
    "word/numbering.xml": NUMBERING,
    "word/_rels/document.xml.rels": rels(("r1", "styles", "styles.xml"), ("r2", "numbering", "numbering.xml")),
}
BULLET = '<w:p><w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="8"/></w:numPr></w:pPr><w:r><w:t>{}</w:t></w:r></w:p>'


def texts(parsed: ParsedDocument) -> list[str]:
    return [page.text for page in parsed.pages]


def refused(data: bytes, name: str, limits: ParseLimits = ParseLimits()) -> PermanentError:
    with pytest.raises(PermanentError) as caught:
        parse(data, name, limits=limits)
    return caught.value


def test_word_headings_are_numbered_as_word_does() -> None:
    body = paragraph("One", "Mine") + paragraph("Part", "H2") + paragraph("Part", "H2") + paragraph("Two", "Mine")
    body += paragraph("Part", "H2") + paragraph("Text") + BULLET.format("a") + BULLET.format("b")
    assert texts(parse(docx(body, STYLED), "a.docx")) == [
        "# 1. One\n\n## 1.a) Part\n\n## 1.b) Part\n\n# 2. Two\n\n## 2.a) Part\n\nText\n\n- a\n- b"
    ]


def test_a_chunk_of_a_word_document_knows_its_heading(tokenizer: ModelTokenizer) -> None:
    body = (
        paragraph("One", "Mine")
        + paragraph("First words. " * 40)
        + paragraph("Two", "Mine")
        + paragraph("Second. " * 40)
    )
    parsed = parse(docx(body, STYLED), "a.docx")
    chunks = chunk(parsed.pages, tokenizer=tokenizer, window=64, overlap=8, media_type=parsed.media_type)
    assert {one.heading for one in chunks if one.text.startswith("Second")} == {"2. Two"}
    assert {one.heading for one in chunks if "First" in one.text} == {"1. One"}


def test_word_pages_are_where_word_broke_them() -> None:
    rendered = "<w:r><w:lastRenderedPageBreak/><w:t>two</w:t></w:r>"
    by_hand = '<w:r><w:br w:type="page"/></w:r>'
    assert texts(parse(docx(paragraph("one ", inner=rendered)), "a.docx")) == ["one", "two"]
    assert texts(parse(docx(paragraph("one", inner=by_hand) + paragraph("two")), "a.docx")) == ["one", "two"]
    both = paragraph("one", inner=by_hand) + "<w:p>" + rendered + "</w:p>"
    assert texts(parse(docx(both), "a.docx")) == ["one", "two"]


def test_word_tables_and_their_merged_cells() -> None:
    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"

    rows = (
        cell("Name") + cell("Size"),
        cell("wide", '<w:gridSpan w:val="2"/>'),
        cell("tall", '<w:vMerge w:val="restart"/>') + cell("1"),
        cell("", "<w:vMerge/>") + cell("2|3"),
    )
    late = '<w:trPr><w:gridBefore w:val="1"/></w:trPr>' + cell("late")
    table = "<w:tbl>" + "".join(f"<w:tr>{one}</w:tr>" for one in (*rows, late)) + "</w:tbl>"
    assert texts(parse(docx(table), "a.docx")) == [
        "| Name | Size |\n|---|---|\n| wide |  |\n| tall | 1 |\n|  | 2\\|3 |\n|  | late |"
    ]


def test_lists_in_cells_of_word_tables_keep_their_numbers() -> None:
    cells = "".join(f"<w:tc>{paragraph('x', 'Mine')}{paragraph(text, 'Mine')}</w:tc>" for text in "ab")
    text = texts(parse(docx(f"<w:tbl><w:tr>{cells}</w:tr></w:tbl>", STYLED), "a.docx"))[0]
    assert text.splitlines()[0] == "| 1. x 2. a | 3. x 4. b |"


def test_word_leaves_out_what_is_deleted_or_hidden_and_keeps_the_rest() -> None:
    body = paragraph("kept", inner="<w:ins><w:r><w:t> inserted</w:t></w:r></w:ins>")
    body += "<w:p><w:del><w:r><w:delText>deleted</w:delText></w:r></w:del>"
    body += "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r></w:p>"
    body += f"<w:sdt><w:sdtContent>{paragraph('control')}</w:sdtContent></w:sdt>"
    body += f"<w:p><w:r><w:pict><w:txbxContent>{paragraph('boxed')}</w:txbxContent></w:pict></w:r></w:p>"
    parsed = parse(docx(body), "a.docx")
    assert texts(parsed) == ["kept inserted\n\ncontrol\n\nboxed"]
    assert parsed.notes == [
        "1 passages deleted as tracked changes were left out.",
        "1 hidden passages were left out.",
    ]


def test_word_notes_links_and_headers() -> None:
    inner = '<w:r><w:footnoteReference w:id="2"/></w:r><w:hyperlink r:id="l"><w:r><w:t> site</w:t></w:r></w:hyperlink>'
    inner += '<w:r><w:commentReference w:id="0"/></w:r>'
    more: dict[str, str | bytes] = {
        "word/footnotes.xml": f'<w:fs {W}><w:footnote w:id="2">{paragraph("small print")}</w:footnote></w:fs>',
        "word/comments.xml": f'<w:cs {W}><w:comment w:id="0" w:author="Ann">{paragraph("why?")}</w:comment></w:cs>',
        "word/header1.xml": f"<w:hdr {W}>{paragraph('Confidential')}</w:hdr>",
        "word/_rels/document.xml.rels": rels(
            ("f", "footnotes", "footnotes.xml"), ("c", "comments", "comments.xml"), ("h", "header", "header1.xml")
        ).replace(
            "</Relationships>",
            '<Relationship Id="l" Type="x/hyperlink" Target="https://example.com/x" TargetMode="External"/>'
            "</Relationships>",
        ),
    }
    parsed = parse(docx(paragraph("See", inner=inner), more), "a.docx")
    assert texts(parsed) == [
        "See[site](https://example.com/x)\n\nFootnote: small print\n\nComment: Ann: why?\n\nHeader: Confidential"
    ]
    assert parsed.notes == []


def test_macros_and_outside_things_are_noted_and_properties_kept() -> None:
    more: dict[str, str | bytes] = {
        "word/vbaProject.bin": b"x",
        "word/_rels/document.xml.rels": rels(("i", "image", "http://169.254.169.254/x"), external=True),
        "docProps/core.xml": '<p xmlns:dc="d"><dc:title>Plan</dc:title><dc:creator>Ann</dc:creator></p>',
    }
    parsed = parse(docx(paragraph("x"), more), "a.docm")
    assert parsed.metadata == {"title": "Plan", "author": "Ann"}
    assert parsed.notes == [
        "The document holds macros, which were ignored.",
        "The document refers to 1 things outside of it, such as pictures; none was fetched.",
    ]


def test_documents_in_documents_become_members() -> None:
    data = docx(paragraph("x"), {"word/embeddings/Sheet1.xlsx": b"inner", "word/embeddings/o.bin": b"?"})
    parsed = parse(data, "a.docx")
    assert [(one.name, one.path, one.data) for one in parsed.members] == [
        ("Sheet1.xlsx", "word/embeddings/Sheet1.xlsx", b"inner")
    ]
    assert parsed.notes == ["'word/embeddings/o.bin' was left out: it is an object of a program of its own."]


def test_slides_have_titles_notes_and_tables() -> None:
    table = "<p:graphicFrame><a:graphic><a:graphicData><a:tbl>" + "".join(
        "<a:tr>"
        + "".join(f"<a:tc><a:txBody><a:p><a:r><a:t>{c}</a:t></a:r></a:p></a:txBody></a:tc>" for c in r)
        + "</a:tr>"
        for r in ("ab", "cd")
    )
    table += "</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
    notes = f'<p:notes xmlns:p="p" xmlns:a="a">{shape("say this", kind="body")}{shape("7", kind="sldNum")}</p:notes>'
    data = pptx(
        shape("first", "second", kind="body") + shape("Title", kind="title") + shape("7", kind="sldNum"),
        'show="0"||' + table,
        more={
            "ppt/slides/_rels/slide1.xml.rels": rels(("n", "notesSlide", "../notesSlides/n1.xml")),
            "ppt/notesSlides/n1.xml": notes,
        },
    )
    parsed = parse(data, "a.pptx")
    assert [(page.label, page.text) for page in parsed.pages] == [
        ("Title", "# Title\n\n- first\n- second\n\nNotes: say this"),
        ("slide 2", "| a | b |\n|---|---|\n| c | d |"),
    ]
    assert parsed.notes == ["Slides that the show leaves out were read as well: 2."]


def test_slides_are_read_from_above_and_from_the_left() -> None:
    def at(left: int, top: int, content: str, frame: str = "p:spPr") -> str:
        place = f'<a:xfrm><a:off x="{left}" y="{top}"/><a:ext cx="90" cy="90"/></a:xfrm>'
        return content.replace("<p:txBody>", f"<{frame}>{place}</{frame}><p:txBody>")

    group = '<p:grpSp><p:grpSpPr><a:xfrm><a:off x="200" y="0"/><a:ext cx="90" cy="190"/></a:xfrm></p:grpSpPr>'
    group += at(0, 100, shape("E")) + at(0, 0, shape("D")) + "</p:grpSp>"
    table = '<p:graphicFrame><p:xfrm><a:off x="0" y="300"/><a:ext cx="290" cy="90"/></p:xfrm><a:graphic><a:tbl><a:tr>'
    table += "".join(f"<a:tc><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:tc>" for text in ("T", "U"))
    table += "</a:tr></a:tbl></a:graphic></p:graphicFrame>"
    slide = at(0, 400, shape("caption")) + table + group + at(100, 0, shape("C")) + at(0, 100, shape("B"))
    slide += at(0, 0, shape("A")) + at(0, 200, shape("Title", kind="title"))
    assert texts(parse(pptx(slide), "a.pptx")) == [
        "# Title\n\nA\n\nB\n\nC\n\nD\n\nE\n\n| T | U |\n|---|---|\n\ncaption"
    ]


def test_slides_show_what_their_layout_says_and_where_it_puts_them() -> None:
    def place(top: int) -> str:
        return f'<p:spPr><a:xfrm><a:off x="0" y="{top}"/><a:ext cx="9" cy="9"/></a:xfrm></p:spPr>'

    body, picture = (shape(name, kind=name).replace("<p:txBody>", f"{place(top)}<p:txBody>")
                     for name, top in (("body", 0), ("pic", 50)))  # fmt: skip
    layout = (
        f"<p:sldLayout {P} {A}><p:cSld><p:spTree>{body}{picture}{shape('Secret!')}</p:spTree></p:cSld></p:sldLayout>"
    )
    slide = shape("below", kind="pic") + shape("above", kind="body")
    more: dict[str, str | bytes] = {"ppt/slideLayouts/l.xml": layout}
    for number in (1, 2):
        more[f"ppt/slides/_rels/slide{number}.xml.rels"] = rels(("l", "slideLayout", "../slideLayouts/l.xml"))
    assert texts(parse(pptx(slide, slide, more=more), "a.pptx")) == [
        "above\n\nbelow\n\nBackground: Secret!",
        "above\n\nbelow",
    ]


def test_numbers_of_lists_on_slides_and_values_of_charts() -> None:
    def item(text: str, kind: str, start: int = 1) -> str:
        number = f'<a:buAutoNum type="{kind}" startAt="{start}"/>'
        return f"<a:p><a:pPr>{number}</a:pPr><a:r><a:t>{text}</a:t></a:r></a:p>"

    items = item("one", "alphaLcParenR") + item("two", "alphaLcParenR") + "<a:p><a:r><a:t>so</a:t></a:r></a:p>"
    items += item("five", "arabicPeriod", 5)
    slide = f"<p:sp><p:nvSpPr><p:nvPr/></p:nvSpPr><p:txBody>{items}</p:txBody></p:sp>"
    slide += '<p:graphicFrame><a:graphic><c:chart xmlns:c="c" r:id="c1"/></a:graphic></p:graphicFrame>'
    series = "".join(
        f"<c:{kind}><c:numRef><c:numCache><c:formatCode>{code}</c:formatCode><c:pt><c:v>{number}</c:v></c:pt>"
        f"</c:numCache></c:numRef></c:{kind}>"
        for kind, code, number in (("cat", "mmm\\-yy", "45000"), ("val", "0.0%", "0.12500000000000001"))
    )
    chart = f'<c:chartSpace xmlns:c="c"><c:ser><c:tx><c:v>Share</c:v></c:tx>{series}</c:ser></c:chartSpace>'
    more: dict[str, str | bytes] = {
        "ppt/slides/_rels/slide1.xml.rels": rels(("c1", "chart", "../charts/c.xml")),
        "ppt/charts/c.xml": chart,
    }
    assert texts(parse(pptx(slide, more=more), "a.pptx")) == ["a) one\nb) two\n\nso\n\n5. five\n\nShare: Mar-23 12.5%"]


def test_sheets_become_tables() -> None:
    data = xlsx(
        {"Costs": row(1, "Report") + row(3, "Name", "Amount") + row(4, "pump", 40.0) + row(5, "", 0.30000000000000004)},
        hidden="Costs",
    )
    parsed = parse(data, "a.xlsx")
    assert [(page.label, page.text) for page in parsed.pages] == [
        ("Costs", "# Costs\n\nReport\n\n| Name | Amount |\n|---|---|\n| pump | 40 |\n|  | 0.3 |")
    ]
    assert parsed.notes == ["Hidden sheets were read as well: Costs."]


def test_long_sheets_repeat_their_head() -> None:
    rows = row(1, "Name", "Size") + "".join(row(n, f"n{n}", n) for n in range(2, 1202))
    parsed = parse(xlsx({"S": rows}), "a.xlsx")
    assert [page.label for page in parsed.pages] == ["S", "S (part 2)", "S (part 3)"]
    assert all(page.text.startswith("# S\n\n| Name | Size |\n|---|---|\n| n") for page in parsed.pages)
    assert sum(page.text.count("| n") for page in parsed.pages) == 1200


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (xlsx({"S": '<row r="1"><c r="A1"><v>1</v></c></row><row r="9"><c r="XFD1048576"><v>1</v></c></row>'}),
         "too_large", "spans 1,048,576 rows by 16,384 columns"),
        (xlsx({"S": ""}, {"xl/worksheets/sheet1.xml": "<!DOCTYPE x><worksheet/>"}), "corrupt", "document type"),
        (zipped({"[Content_Types].xml": "", "word/x": ""}), "corrupt", "lacks its part 'word/document.xml'"),
        (docx("", {"word/document.xml": "no XML"}), "corrupt", "'word/document.xml' is no well-formed XML"),
        (docx("", {"word/document.xml": bytes(20_000_000)}), "too_large", "as only a decompression bomb does"),
        (odf("text", "", {"META-INF/manifest.xml": "<m><encryption-data/></m>"}), "encrypted", "without a password"),
        (docx(paragraph("x"))[:-40], "corrupt", "damaged or cut off: its directory at the end is missing"),
    ],
)  # fmt: skip
def test_what_is_refused(data: bytes, code: str, said: str) -> None:
    error = refused(data, "a.docx")
    assert error.code == code
    assert said in error.message


def test_the_limit_on_unpacking_counts_all_parts() -> None:
    data = xlsx({"S": row(1, "x" * 300), "T": row(1, "x" * 300)})
    assert "more than the limit max_unpacked of 0 MiB" in refused(data, "a.xlsx", ParseLimits(max_unpacked=900)).message


def test_entities_are_left_alone() -> None:
    data = docx("", {"word/document.xml": f'<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/hostname">]><w:document {W}>'
                     "<w:body><w:p><w:r><w:t>before &e; after</w:t></w:r></w:p></w:body></w:document>"})  # fmt: skip
    parsed = parse(data, "a.docx")
    assert texts(parsed) == ["before  after"]
    assert parsed.notes == ["The part 'word/document.xml' declares entities, which were left alone."]


def test_damaged_xml_is_read_as_far_as_it_goes() -> None:
    data = docx("", {"word/document.xml": f"<w:document {W}><w:body>{paragraph('first')}<w:p><w:r><w:t>second"})
    parsed = parse(data, "a.docx")
    assert texts(parsed) == ["first\n\nsecond"]
    assert "what could be read was kept" in parsed.notes[0]


def test_open_document_text() -> None:
    content = (
        '<text:h text:outline-level="2">Scope</text:h><text:p>One<text:s text:c="2"/>two<text:note text:note-class='
        '"footnote"><text:note-citation>1</text:note-citation><text:note-body><text:p>small</text:p></text:note-body>'
        '</text:note> <text:a xlink:href="https://example.com/">here</text:a></text:p><text:tracked-changes>'
        "<text:changed-region><text:deletion><text:p>gone</text:p></text:deletion></text:changed-region>"
        "</text:tracked-changes><text:list><text:list-item><text:p>a</text:p><text:list><text:list-item><text:p>b</text:p>"
        "</text:list-item></text:list></text:list-item></text:list><text:soft-page-break/><text:p>next</text:p>"
    )
    parsed = parse(odf("text", content), "a.odt")
    assert texts(parsed) == [
        "## Scope\n\nOne  two [here](https://example.com/)\n\n- a\n  - b\n\nFootnote: small",
        "next",
    ]
    assert parsed.metadata == {"title": "Plan"}
    assert parsed.notes == ["1 passages deleted as tracked changes were left out."]


LISTS = (
    '<text:list-style style:name="L">'
    '<text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/>'
    '<text:list-level-style-number text:level="2" style:num-format="a" style:num-suffix=")"/></text:list-style>'
    '<text:list-style style:name="H"><text:list-level-style-number text:level="1" style:num-format="1"/>'
    '<text:list-level-style-number text:level="2" style:num-format="1" text:display-levels="2"/></text:list-style>'
    '<text:outline-style><text:outline-level-style text:level="1" style:num-format="I" text:start-value="4"/>'
    "</text:outline-style>"
)


def test_open_document_lists_and_chapters_are_numbered() -> None:
    def items(*texts: str) -> str:
        return "".join(f"<text:list-item>{text}</text:list-item>" for text in texts)

    def chapters(level: int, text: str) -> str:
        heading = f'<text:h text:outline-level="{level}">{text}</text:h>'
        return (
            "<text:list><text:list-item>" * (level - 1) + items(heading) + "</text:list-item></text:list>" * (level - 1)
        )

    inner = f"<text:p>one</text:p><text:list>{items('<text:p>x</text:p>', '<text:p>y</text:p>')}</text:list>"
    body = f'<text:list text:style-name="L">{items(inner, "<text:p>two</text:p>")}</text:list>'
    body += f'<text:list text:style-name="L">{items("<text:p>again</text:p>")}</text:list>'
    body += f'<text:list text:style-name="L" text:continue-numbering="true">{items("<text:p>on</text:p>")}</text:list>'
    for level, title in ((1, "Start"), (2, "Part"), (2, "Part"), (1, "End")):
        body += f'<text:list text:style-name="H" text:continue-numbering="{"false" if title == "Start" else "true"}">'
        body += chapters(level, title) + "</text:list>"
    body += '<text:h text:outline-level="1">Outline</text:h>'
    spaces = 'xmlns:text="t" xmlns:style="s" xmlns:office="o"'
    styles = f"<office:document-styles {spaces}>{LISTS}</office:document-styles>"
    (text,) = texts(parse(odf("text", body, {"styles.xml": styles}), "a.odt"))
    assert text.split("\n\n") == [
        "1. one\n  a) x\n  b) y\n2. two\n1. again\n2. on",
        *("# 1 Start", "## 1.1 Part", "## 1.2 Part", "# 2 End", "# IV Outline"),
    ]


def test_opendocument_tells_headers_and_footers_once() -> None:
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("style", "text"))
    pages = "".join(
        f"<style:master-page><style:{kind}><text:p>{said}</text:p></style:{kind}></style:master-page>"
        for kind, said in (
            ("header", "Secret <text:span>plan</text:span>"),
            ("footer", "Page 3 of 6"),
            ("footer", "Draft 3"),
            ("footer-left", "Draft 4"),
            ("footer-first", ""),
        )
    )
    pages += '<style:header-left style:display="false"><text:p>unused</text:p></style:header-left>'
    styles = f"<styles {spaces}>{pages}</styles>"
    (text,) = texts(parse(odf("text", "<text:p>Body</text:p>", {"styles.xml": styles}), "a.odt"))
    assert text.split("\n\n") == ["Body", "Header: Secret plan", "Footer: Page 3 of 6", "Footer: Draft 3"]


def test_open_document_slides_are_read_from_above() -> None:
    def frame(top: str, text: str) -> str:
        place = f'svg:x="1cm" svg:y="{top}" svg:width="5cm" svg:height="9mm"'
        return f"<draw:frame {place}><draw:text-box><text:p>{text}</text:p></draw:text-box></draw:frame>"

    notes = "<presentation:notes><draw:frame><draw:text-box><text:p>say</text:p><text:p>this</text:p></draw:text-box>"
    notes += "</draw:frame><draw:frame><draw:text-box><text:p><text:page-number>7</text:page-number></text:p>"
    notes += "</draw:text-box></draw:frame></presentation:notes>"
    page = (
        f'<draw:page draw:name="one" xmlns:svg="svg">{frame("2in", "below")}{frame("20mm", "above")}{notes}</draw:page>'
    )
    assert texts(parse(odf("presentation", page), "a.odp")) == ["above\n\nbelow\n\nNotes: say\nthis"]


def test_open_document_sheets_and_slides() -> None:
    cells = "<table:table-cell{}><text:p>{}</text:p></table:table-cell>"
    many = ' table:number-columns-repeated="2"'
    content = '<table:table table:name="S"><table:table-row>' + cells.format(many, "x") + cells.format("", "y")
    content += (
        '</table:table-row><table:table-row table:number-rows-repeated="1048576"><table:table-cell/></table:table-row>'
    )
    content += "</table:table>"
    assert texts(parse(odf("spreadsheet", content), "a.ods")) == ["# S\n\n| x | x | y |\n|---|---|---|"]
    frame = '<draw:frame presentation:class="{}"><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>'
    slide = f"<draw:page draw:name='p1'>{frame.format('outline', 'point')}{frame.format('title', 'Title')}"
    slide += f"<presentation:notes>{frame.format('notes', 'spoken')}</presentation:notes></draw:page>"
    parsed = parse(odf("presentation", slide), "a.odp")
    assert [(page.label, page.text) for page in parsed.pages] == [("Title", "# Title\n\npoint\n\nNotes: spoken")]


def test_chapters_of_an_e_book_are_pages() -> None:
    parsed = parse(epub("<h1>One</h1><p>Once.</p>", "<p>No heading.</p>"), "a.epub")
    assert [(page.label, page.text) for page in parsed.pages] == [("One", "# One\n\nOnce."), (None, "No heading.")]
    assert parsed.metadata == {"title": "Tales", "author": "A. Writer", "language": "en"}
