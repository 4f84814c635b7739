"""Refuses Excel files that would harm their reader, before it sees them."""

import re
import struct
from io import BytesIO

import olefile

from pipelines.errors import PermanentError
from pipelines.parse.failures import PARSER_FAILURES
from pipelines.parse.package import Package

# calamine holds the rectangle around all cells of a sheet, at some 32 bytes for each place in it.
_MOST_PLACES = 12_000_000
_ADDRESS = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\br=["']\$?([A-Z]{1,3})\$?(\d{1,8})["']""")
_FILEPASS = 0x2F


def check(package: Package) -> None:
    """Unpack every part under the limits, and refuse a sheet whose cells are too far apart, before calamine does."""
    for name in package.names:
        if name.endswith("/") or "/media/" in name:
            continue
        data = package.bytes_of(name)
        if b"<!DOCTYPE" in data[:4096] and name.endswith((".xml", ".rels")):
            raise PermanentError(
                "corrupt", f"The part {name!r} declares a document type, as no Excel file does; it was refused."
            )
        if "worksheets/" in name and name.endswith(".xml"):
            columns, rows = 0, 0
            for column, row in _ADDRESS.findall(data):
                columns, rows = max(columns, _number(column)), max(rows, int(row))
            if columns * rows > _MOST_PLACES:
                raise PermanentError(
                    "too_large",
                    f"The sheet {name!r} spans {rows:,} rows by {columns:,} columns, more than the {_MOST_PLACES:,} "
                    "cells that are read; remove what stands far away, or split it.",
                )


def _number(column: bytes) -> int:
    number = 0
    for letter in column:
        number = number * 26 + letter - 64
    return number


def refuse_encrypted(data: bytes) -> None:
    """Raise PermanentError ``encrypted`` for an old workbook with a password: calamine takes it for a damaged one."""
    try:
        with olefile.OleFileIO(BytesIO(data)) as storage:
            stream = storage.openstream("Workbook" if storage.exists("Workbook") else "Book").read(4096)
    except PARSER_FAILURES:
        return
    at = 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        if kind == _FILEPASS:
            raise PermanentError("encrypted", "The workbook is encrypted; remove its password and submit it again.")
        at += 4 + length
