"""A formula in a PDF as TeX sets it: in fonts whose glyphs have names of its own, without a table of what they mean."""

from collections.abc import Mapping
from io import BytesIO

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, NumberObject, PdfObject

_ITALIC = {"P": "P", "Q": "Q", "=": "equal"}
_SYMBOLS = {"0": "prime", "6": "negationslash", "h": "angbracketleft", "i": "angbracketright"}
_LARGE = {"X": "summationdisplay", "Z": "integraldisplay", "[": "uniondisplay", "f": "tildewider", "n": "braceleftBig"}
_LARGE |= {"z": "bracehtipdownleft", "{": "bracehtipdownright", "|": "bracehtipupleft", "}": "bracehtipupright"}
_WIDTH = 500


def formula(creator: str, content: str) -> bytes:
    """A page of this content: ``/M`` is the italic font of P, Q and =, ``/S`` that of symbols, ``/E`` of large ones."""
    writer = PdfWriter()
    page = writer.add_blank_page(600, 800)
    fonts = {"/M": _font(writer, "CMMI10", _ITALIC), "/S": _font(writer, "CMSY10", _SYMBOLS)}
    fonts["/E"] = _font(writer, "CMEX10", _LARGE)
    page[NameObject("/Resources")] = _named({"/Font": _named(fonts)})
    page[NameObject("/Contents")] = writer._add_object(_stream(content.encode()))
    writer.add_metadata({"/Creator": creator})
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def _font(writer: PdfWriter, name: str, glyphs: dict[str, str]) -> DictionaryObject:
    program = _stream(_program(name, glyphs))
    program[NameObject("/Subtype")] = NameObject("/Type1C")
    descriptor = {
        "/Type": NameObject("/FontDescriptor"),
        "/FontName": NameObject(f"/{name}"),
        "/Flags": NumberObject(4),
        "/FontFile3": writer._add_object(program),
    }
    return _named(
        {
            "/Type": NameObject("/Font"),
            "/Subtype": NameObject("/Type1"),
            "/BaseFont": NameObject(f"/{name}"),
            "/FirstChar": NumberObject(0),
            "/LastChar": NumberObject(127),
            "/Widths": ArrayObject([NumberObject(_WIDTH)] * 128),
            "/FontDescriptor": writer._add_object(_named(descriptor)),
        }
    )


def _program(name: str, glyphs: dict[str, str]) -> bytes:
    names = [".notdef", *glyphs.values()]
    builder = FontBuilder(1000, isTTF=False)
    builder.setupGlyphOrder(names)
    pen = T2CharStringPen(_WIDTH, None)
    for corner, draw in (((50, 0), pen.moveTo), ((450, 0), pen.lineTo), ((450, 600), pen.lineTo)):
        draw(corner)
    pen.closePath()
    builder.setupCFF(name, {}, {glyph: pen.getCharString() for glyph in names}, {})
    program = builder.font["CFF "].cff
    program.topDictIndex[0].Encoding = [glyphs.get(chr(code), ".notdef") for code in range(256)]
    out = BytesIO()
    program.compile(out, builder.font, isCFF2=False)
    return out.getvalue()


def _stream(data: bytes) -> DecodedStreamObject:
    stream = DecodedStreamObject()
    stream.set_data(data)
    return stream


def _named(entries: Mapping[str, PdfObject]) -> DictionaryObject:
    return DictionaryObject({NameObject(name): value for name, value in entries.items()})
