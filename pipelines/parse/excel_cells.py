"""Where the cells of a sheet are and which style each has, by a scan that is done before a library holds them all."""

import re
import struct
from array import array
from collections.abc import Iterator

_CELL = re.compile(
    rb"""<(?:\w+:)?c(?=\s)(?=[^>]*?\sr=["']\$?([A-Z]{1,3})\$?(\d{1,8})["'])(?:(?=[^>]*?\ss=["'](\d{1,6})["']))?"""
)
_MOST_STYLES = 65_535
# Of XLSB: a row begins; its cells, whatever is in them.
_ROW = 0
_BUNDLE = 156
_BINARY_CELLS = frozenset([*range(1, 12), 62])
# Of XLS: the kinds of cells, and those that hold a run of them.
_OLD_CELLS = frozenset([0x06, 0xD6, 0xFD, 0x201, 0x203, 0x204, 0x205, 0x27E])
_OLD_RUNS = {0xBD: 6, 0xBE: 2}


class Cells:
    """The last row and column (counted from 1), and the styles of those cells whose style is ``wanted``."""

    def __init__(self, wanted: frozenset[int]) -> None:
        self.rows = 0
        self.columns = 0
        self._wanted = wanted
        self._row = array("I")
        self._column = array("H")
        self._style = array("H")

    def add(self, row: int, column: int, style: int) -> None:
        """One cell, by its row and column from 0."""
        self.rows = max(self.rows, row + 1)
        self.columns = max(self.columns, column + 1)
        if style in self._wanted and column <= _MOST_STYLES and style <= _MOST_STYLES:
            self._row.append(row)
            self._column.append(column)
            self._style.append(style)

    def by_row(self) -> Iterator[dict[int, int]]:
        """For each row from the first the styles by column; cells that are not in the order of rows are left out."""
        at, number = 0, 0
        while at < len(self._row):
            styles: dict[int, int] = {}
            while at < len(self._row) and self._row[at] <= number:
                if self._row[at] == number:
                    styles[self._column[at]] = self._style[at]
                at += 1
            yield styles
            number += 1


def of_xml(data: bytes, wanted: frozenset[int]) -> Cells:
    """The cells of a sheet of an XLSX."""
    cells = Cells(wanted)
    numbers: dict[bytes, int] = {}
    styled = {b"%d" % style for style in wanted}
    last_row = last_column = 0
    for match in _CELL.finditer(data):  # a list of all would take ten times the sheet's bytes
        letters, row_digits, style = match.groups()
        column = numbers.get(letters)
        if column is None:
            column = numbers[letters] = _number(letters) - 1
            last_column = max(last_column, column)
        row = int(row_digits) - 1
        if row > last_row:
            last_row = row
        if style in styled:
            cells.add(row, column, int(style))
    cells.rows, cells.columns = max(cells.rows, last_row + 1), max(cells.columns, last_column + 1)
    return cells


def of_binary(data: bytes, wanted: frozenset[int]) -> Cells:
    """The cells of a sheet of an XLSB."""
    cells = Cells(wanted)
    row = 0
    for kind, body in binary_records(data):
        if kind == _ROW and len(body) >= 4:
            row = int.from_bytes(body[:4], "little")
        elif kind in _BINARY_CELLS and len(body) >= 8:
            cells.add(row, int.from_bytes(body[:4], "little"), int.from_bytes(body[4:7], "little"))
    return cells


def of_old(records: Iterator[tuple[int, bytes]], wanted: frozenset[int]) -> Cells:
    """The cells of a sheet of an XLS, given the records of its stream."""
    cells = Cells(wanted)
    for kind, body in records:
        if kind in _OLD_CELLS and len(body) >= 6:
            cells.add(*struct.unpack_from("<HHH", body))
        elif kind in _OLD_RUNS and len(body) >= 6:
            row, column = struct.unpack_from("<HH", body)
            step = _OLD_RUNS[kind]
            for index in range((len(body) - 6) // step):
                cells.add(row, column + index, int.from_bytes(body[4 + index * step : 6 + index * step], "little"))
    return cells


def binary_records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The records of a part of an XLSB: their type and what they hold, until the part ends or makes no sense."""
    at, end = 0, len(data)
    while at < end:
        kind = data[at]
        at += 1
        if kind & 0x80 and at < end:
            kind = (kind & 0x7F) | (data[at] & 0x7F) << 7
            at += 1
        size = shift = 0
        while at < end and shift < 28:
            byte = data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        yield kind, data[at : at + size]
        at += size


def sheets_of_binary(data: bytes) -> Iterator[tuple[str, list[str]]]:
    """The sheets that the workbook part of an XLSB lists: their names and the ids of their relations."""
    for kind, body in binary_records(data):
        if kind == _BUNDLE and len(body) >= 16:
            length = int.from_bytes(body[8:12], "little")
            end = 12 + 2 * length if length < len(body) else 12
            name = body[end + 4 : end + 4 + 2 * int.from_bytes(body[end : end + 4], "little")]
            yield name.decode("utf-16-le", "replace"), [body[12:end].decode("utf-16-le", "replace")]


def old_records(data: bytes, at: int = 0) -> Iterator[tuple[int, bytes]]:
    """The records of an XLS stream, from an offset on."""
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("<HH", data, at)
        yield kind, data[at + 4 : at + 4 + size]
        at += 4 + size


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
