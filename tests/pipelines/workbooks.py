"""Small binary workbooks, put together record by record."""

import struct

from tests.pipelines.office import rels, zipped


def record(kind: int, body: bytes = b"") -> bytes:
    """A record of a part of an XLSB: type and length in seven bits to the byte."""
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    size = len(body)
    while size >= 0x80:
        head += bytes([size & 0x7F | 0x80])
        size >>= 7
    return head + bytes([size]) + body


def wide(text: str) -> bytes:
    """A string with its length before it."""
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def xlsb(cells: list[tuple[int, int, int, float]], formats: list[str]) -> bytes:
    """A workbook of one sheet "S" with cells as (row, column, style, number); style n has the nth format."""
    sheet = record(129) + record(148, struct.pack("<IIII", 0, 99, 0, 99)) + record(145)
    for row, column, style, number in cells:
        sheet += record(0, struct.pack("<IIHBBBI", row, 0, 300, 0, 0, 0, 0))
        sheet += record(5, struct.pack("<IId", column, style, number))
    sheet += record(146) + record(130)
    styles = record(278) + record(615, struct.pack("<I", len(formats)))
    styles += b"".join(record(44, struct.pack("<H", 164 + n) + wide(code)) for n, code in enumerate(formats))
    styles += record(616) + record(626, struct.pack("<I", 1)) + record(47, bytes(16)) + record(627)
    styles += record(617, struct.pack("<I", len(formats)))
    styles += b"".join(record(47, struct.pack("<HH", 0, 164 + n) + bytes(12)) for n in range(len(formats)))
    styles += record(618) + record(279)
    workbook = record(131) + record(143) + record(156, struct.pack("<II", 0, 1) + wide("s1") + wide("S"))
    workbook += record(144) + record(132)
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/></Types>'
    )
    return zipped(
        {
            "[Content_Types].xml": types,
            "_rels/.rels": rels(("r1", "officeDocument", "xl/workbook.bin")),
            "xl/workbook.bin": workbook,
            "xl/_rels/workbook.bin.rels": rels(
                ("s1", "worksheet", "worksheets/sheet1.bin"), ("s2", "styles", "styles.bin")
            ),
            "xl/worksheets/sheet1.bin": sheet,
            "xl/styles.bin": styles,
        }
    )


def biff(*records: tuple[int, bytes]) -> bytes:
    """A stream of an XLS."""
    return b"".join(struct.pack("<HH", kind, len(body)) + body for kind, body in records)
