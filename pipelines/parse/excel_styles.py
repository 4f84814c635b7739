"""Which number format each style of a workbook has."""

import struct
from collections.abc import Iterable, Iterator

from pipelines.parse.excel_cells import binary_records
from pipelines.parse.ooxml import of_kind, relations
from pipelines.parse.package import Element, Package, attribute, child, children

# What numbers below 164 mean without being spelled out. Those of dates alone (14, 22) are left out: how they look
# depends on where one sits, and 2024-12-31 is understood everywhere. Nor does the file say which currency 5 to 8 mean.
_BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    5: "#,##0;-#,##0",
    6: "#,##0;-#,##0",
    7: "#,##0.00;-#,##0.00",
    8: "#,##0.00;-#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    37: "#,##0;(#,##0)",
    38: "#,##0;(#,##0)",
    39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;(#,##0.00)",
    41: "#,##0;-#,##0;-",
    42: "#,##0;-#,##0;-",
    43: "#,##0.00;-#,##0.00;-",
    44: "#,##0.00;-#,##0.00;-",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
}
_MOST_STYLES = 65_536
_BINARY_FORMAT, _BINARY_STYLE, _STYLES_BEGIN, _STYLES_END = 44, 47, 617, 618
_OLD_FORMAT, _OLD_STYLE = 0x41E, 0xE0

Codes = dict[int, str]
"""Number formats by style; a style that is not in it shows its values as they are."""


def of_package(package: Package, main: str) -> Codes:
    """Those of an XLSX or XLSB."""
    part = next(iter(of_kind(relations(package, main), "styles")), None)
    if part is None or part not in package.names:
        return {}
    if part.endswith(".bin"):
        return _of_binary(package.bytes_of(part))
    return _of_xml(package.xml_if_there(part))


def of_old(records: Iterable[tuple[int, bytes]]) -> Codes:
    """Those of an XLS, given the records of its stream."""
    formats: dict[int, str] = {}
    styles: list[int] = []
    for kind, body in records:
        if kind == _OLD_FORMAT and len(body) >= 5:
            number, length, wide = struct.unpack_from("<HHB", body)
            end = 5 + length * (2 if wide & 1 else 1)
            formats[number] = body[5:end].decode("utf-16-le" if wide & 1 else "latin-1", "replace")
        elif kind == _OLD_STYLE and len(body) >= 4 and len(styles) < _MOST_STYLES:
            styles.append(int.from_bytes(body[2:4], "little"))
    return _codes(styles, formats)


def _of_xml(root: Element | None) -> Codes:
    formats = {
        _whole(attribute(one, "numFmtId")): attribute(one, "formatCode") or ""
        for one in children(child(root, "numFmts"), "numFmt")
    }
    return _codes((_whole(attribute(one, "numFmtId")) for one in children(child(root, "cellXfs"), "xf")), formats)


def _of_binary(data: bytes) -> Codes:
    formats: dict[int, str] = {}
    styles: list[int] = []
    of_cells = False  # styles of their own come before those of cells
    for kind, body in binary_records(data):
        if kind == _BINARY_FORMAT and len(body) >= 6:
            length = int.from_bytes(body[2:6], "little")
            formats[int.from_bytes(body[:2], "little")] = body[6 : 6 + 2 * length].decode("utf-16-le", "replace")
        elif kind in (_STYLES_BEGIN, _STYLES_END):
            of_cells = kind == _STYLES_BEGIN
        elif kind == _BINARY_STYLE and of_cells and len(body) >= 4 and len(styles) < _MOST_STYLES:
            styles.append(int.from_bytes(body[2:4], "little"))
    return _codes(styles, formats)


def _codes(styles: Iterable[int], formats: dict[int, str]) -> Codes:
    return dict(_numbered(styles, formats))


def _numbered(styles: Iterable[int], formats: dict[int, str]) -> Iterator[tuple[int, str]]:
    for index, number in zip(range(_MOST_STYLES), styles, strict=False):
        code = formats.get(number) or _BUILT_IN.get(number)
        if code and code.lower() not in ("general", "@"):
            yield index, code


def _whole(text: str | None) -> int:
    return int(text) if text is not None and text.isdigit() and len(text) < 8 else 0
