"""Looks over Excel files before their library sees them: refuses what would harm it, and finds what it leaves out.

calamine holds the rectangle around all cells of a sheet, of an XLS those of all sheets at once, and tells values but
not how they are shown.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import takewhile

import olefile

from pipelines.errors import PermanentError
from pipelines.parse import excel_cells, excel_styles
from pipelines.parse.excel_cells import Cells
from pipelines.parse.failures import PARSER_FAILURES
from pipelines.parse.package import Package

# At some 32 bytes for each place in the rectangle.
_MOST_PLACES = 12_000_000
_FILEPASS, _BEGIN, _END, _SHEET = 0x2F, 0x809, 0x0A, 0x85
_MOST_SHEETS = 10_000
_HEAD = 65_536


@dataclass(slots=True)
class Look:
    """How a workbook's cells are shown: number formats by style, and the styles of a sheet's cells.

    ``sheets`` has them by part for XLSX and XLSB, by name for XLS.
    """

    codes: excel_styles.Codes = field(default_factory=dict)
    sheets: dict[str, Cells] = field(default_factory=dict)

    def rows(self, sheet: str) -> Iterator[dict[int, str]]:
        """For each row of a sheet the number formats by column."""
        cells = self.sheets.get(sheet)
        for styles in cells.by_row() if cells is not None else ():
            yield {column: self.codes[style] for column, style in styles.items()}


def look_over(package: Package, main: str) -> Look:
    """Unpack every part under the limits, and refuse a sheet whose cells are too far apart, before calamine does."""
    look = Look(excel_styles.of_package(package, main))
    wanted = frozenset(look.codes)
    for name in package.names:
        if name.endswith("/") or "/media/" in name:
            continue
        data = package.bytes_of(name)
        if b"<!DOCTYPE" in data[:4096] and name.endswith((".xml", ".rels")):
            raise PermanentError(
                "corrupt", f"The part {name!r} declares a document type, as no Excel file does; it was refused."
            )
        if "worksheets/" in name and name.endswith(".xml"):
            look.sheets[name] = _bounded(excel_cells.of_xml(data, wanted), name)
        elif "worksheets/" in name and name.endswith(".bin") and "/binaryIndex" not in name:
            look.sheets[name] = _bounded(excel_cells.of_binary(data, wanted), name)
    return look


def look_over_old(data: bytes) -> Look:
    """The same for an XLS. Raises PermanentError ``encrypted``, for which calamine only says that it is damaged."""
    try:
        with olefile.OleFileIO(BytesIO(data)) as storage:
            stream = storage.openstream("Workbook" if storage.exists("Workbook") else "Book").read()
    except PARSER_FAILURES:
        return Look()
    globals_ = list(takewhile(lambda record: record[0] != _END, excel_cells.old_records(stream)))
    if any(kind == _FILEPASS for kind, _ in globals_):
        raise PermanentError("encrypted", "The workbook is encrypted; remove its password and submit it again.")
    new = bool(globals_) and globals_[0][0] == _BEGIN and globals_[0][1][:2] == b"\x00\x06"
    look = Look(excel_styles.of_old(globals_) if new else {})
    places = 0
    for kind, body in globals_[:_HEAD]:
        if kind == _SHEET and len(body) >= 8 and len(look.sheets) < _MOST_SHEETS:
            at, name = struct.unpack_from("<I", body)[0], _name(body)
            records = takewhile(lambda record: record[0] != _END, excel_cells.old_records(stream, at))
            cells = look.sheets[name] = excel_cells.of_old(records, frozenset(look.codes))
            places += cells.rows * cells.columns
            _bounded(cells, name, places)
    return look


def _bounded(cells: Cells, name: str, places: int = 0) -> Cells:
    if max(places, cells.rows * cells.columns) > _MOST_PLACES:
        raise PermanentError(
            "too_large",
            f"The sheet {name!r} spans {cells.rows:,} rows by {cells.columns:,} columns, with which the file has more "
            f"than the {_MOST_PLACES:,} cells that are read; remove what stands far away, or split it.",
        )
    return cells


def _name(body: bytes) -> str:
    wide = body[7] & 1
    return body[8 : 8 + body[6] * (2 if wide else 1)].decode("utf-16-le" if wide else "latin-1", "replace")
