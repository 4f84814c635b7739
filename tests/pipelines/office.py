"""Small Office, OpenDocument and e-book files, put together part by part."""

import zipfile
from io import BytesIO

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"


def zipped(parts: dict[str, str | bytes]) -> bytes:
    """A ZIP of these parts."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def rels(*entries: tuple[str, str, str], external: bool = False) -> str:
    """A part of relationships: (id, last word of the type, target)."""
    mode = ' TargetMode="External"' if external else ""
    inner = "".join(f'<Relationship Id="{i}" Type="{RELATION}{kind}" Target="{to}"{mode}/>' for i, kind, to in entries)
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inner}</Relationships>'
    )


def docx(body: str, more: dict[str, str | bytes] | None = None) -> bytes:
    """A Word document with that body."""
    return zipped(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": rels(("r1", "officeDocument", "word/document.xml")),
            "word/document.xml": f"<w:document {W} {R} {A}><w:body>{body}</w:body></w:document>",
            **(more or {}),
        }
    )


def paragraph(text: str, style: str = "", inner: str = "") -> str:
    """A Word paragraph, with a style and with more in it behind the text."""
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r>{inner}</w:p>"


def pptx(*slides: str, more: dict[str, str | bytes] | None = None) -> bytes:
    """A presentation; each slide is the inside of its shape tree."""
    ids = "".join(f'<p:sldId id="{255 + n}" r:id="s{n}"/>' for n in range(1, len(slides) + 1))
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": rels(("r1", "officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": f"<p:presentation {P} {R}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": rels(
            *((f"s{n}", "slide", f"slides/slide{n}.xml") for n in range(1, len(slides) + 1))
        ),
    }
    for number, slide in enumerate(slides, start=1):
        attributes, _, tree = slide.rpartition("||")
        parts[f"ppt/slides/slide{number}.xml"] = (
            f"<p:sld {P} {A} {R} {attributes}><p:cSld><p:spTree>{tree}</p:spTree></p:cSld></p:sld>"
        )
    return zipped({**parts, **(more or {})})


def shape(*texts: str, kind: str = "") -> str:
    """A shape with paragraphs; ``kind`` is its placeholder."""
    holder = f'<p:nvPr><p:ph type="{kind}"/></p:nvPr>' if kind else "<p:nvPr/>"
    inner = "".join(f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>" for text in texts)
    return f"<p:sp><p:nvSpPr>{holder}</p:nvSpPr><p:txBody>{inner}</p:txBody></p:sp>"


def xlsx(sheets: dict[str, str], more: dict[str, str | bytes] | None = None, hidden: str = "") -> bytes:
    """A workbook; each sheet is the inside of its sheet data."""
    states = {hidden: 'state="hidden"'}
    entries = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="s{n}" {states.get(name, "")}/>'
        for n, name in enumerate(sheets, start=1)
    )
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": rels(("r1", "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f"<workbook {S} {R}><sheets>{entries}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": rels(
            *((f"s{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1))
        ),
    }
    for number, data in enumerate(sheets.values(), start=1):
        parts[f"xl/worksheets/sheet{number}.xml"] = f"<worksheet {S}><sheetData>{data}</sheetData></worksheet>"
    return zipped({**parts, **(more or {})})


def row(number: int, *values: str | float) -> str:
    """A row of a sheet."""
    cells = []
    for column, value in zip("ABCDEFGH", values, strict=False):
        if isinstance(value, str):
            cells.append(f'<c r="{column}{number}" t="inlineStr"><is><t>{value}</t></is></c>')
        else:
            cells.append(f'<c r="{column}{number}"><v>{value}</v></c>')
    return f'<row r="{number}">{"".join(cells)}</row>'


def odf(kind: str, content: str, more: dict[str, str | bytes] | None = None) -> bytes:
    """An OpenDocument file; ``kind`` is "text", "spreadsheet" or "presentation"."""
    names = ("office", "text", "table", "draw", "presentation")
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in names)
    spaces += ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    body = f"<office:body><office:{kind}>{content}</office:{kind}></office:body>"
    return zipped(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"<office:document-content {spaces}>{body}</office:document-content>",
            "meta.xml": f"<office:document-meta {spaces}><office:meta><dc:title>Plan</dc:title>"
            "</office:meta></office:document-meta>",
            **(more or {}),
        }
    )


def epub(*chapters: str) -> bytes:
    """An e-book; each chapter is the inside of its body."""
    items = "".join(f'<item id="c{n}" href="text/c{n}.xhtml"/>' for n in range(1, len(chapters) + 1))
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(1, len(chapters) + 1))
    parts: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>',
        "OPS/book.opf": '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>Tales</dc:title>'
        "<dc:creator>A. Writer</dc:creator><dc:language>en</dc:language></metadata>"
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
    }
    for number, chapter in enumerate(chapters, start=1):
        parts[f"OPS/text/c{number}.xhtml"] = f"<html><body>{chapter}</body></html>"
    return zipped(parts)
