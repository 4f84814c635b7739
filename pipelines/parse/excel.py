"""Excel files, new, binary and old: a page for each sheet, its cells as tables, with comments and text in drawings."""

import datetime
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from pipelines.documents import ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse import media
from pipelines.parse.blocks import Blocks
from pipelines.parse.drawing import linked_text, paragraphs
from pipelines.parse.excel_cells import sheets_of_binary
from pipelines.parse.excel_guard import look_over, look_over_old
from pipelines.parse.failures import reason
from pipelines.parse.limits import ParseLimits
from pipelines.parse.number_format import shown
from pipelines.parse.ooxml import embedded, main_part, notes_on_active_content, of_kind, properties, relations
from pipelines.parse.package import Package, attribute, child, children, local
from pipelines.parse.parser import Report, Source
from pipelines.parse.sheets import Sheet

_MIDNIGHT = datetime.time()


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of an XLSX, XLSM, XLSB or XLS. Raises PermanentError ``corrupt``, ``encrypted``, ``too_large``."""
    package = None if source.media_type == media.XLS else Package(source.data, limits)
    if package is None:
        look, parts, beside = look_over_old(source.data), {}, {}
    else:
        main = main_part(package, "xl/workbook.bin" if "xl/workbook.bin" in package.names else "xl/workbook.xml")
        look, parts = look_over(package, main), _parts(package, main)
        beside = {name: lines for name, part in parts.items() if (lines := list(_lines(package, part)))}
    workbook = _opened(source.data)
    blocks = Blocks(limits)
    hidden = []
    for index, sheet in enumerate(workbook.sheets_metadata):
        if sheet.typ != SheetTypeEnum.WorkSheet and sheet.name not in beside:
            continue
        writer = Sheet(blocks, sheet.name)
        if sheet.typ == SheetTypeEnum.WorkSheet:
            writer.write(_rows(workbook, sheet.name, look.rows(parts.get(sheet.name, sheet.name))))
        for line in beside.get(sheet.name, ()):
            blocks.paragraph(line)
        if sheet.visible != SheetVisibleEnum.Visible:
            hidden.append(sheet.name)
        report(index + 1, len(workbook.sheet_names))
    pages = blocks.pages()
    notes = [f"Hidden sheets were read as well: {', '.join(hidden[:50])}."] if hidden else []
    if package is None:
        return ParsedDocument(source.media_type, len(pages), pages, [], {}, notes)
    metadata, members = properties(package), embedded(package, source, limits)
    notes = [*package.notes, *notes_on_active_content(package), *notes, *members.all_notes()]
    return ParsedDocument(source.media_type, len(pages), pages, [], metadata, notes, members.taken)


def _opened(data: bytes) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_filelike(BytesIO(data))
    except PasswordError as error:
        raise PermanentError(
            "encrypted", "The workbook is encrypted; remove its password and submit it again."
        ) from error
    except (CalamineError, OSError, ValueError) as error:
        said = "its main parts cannot be read" if "detect" in str(error) else reason(error)
        raise PermanentError("corrupt", f"The workbook is damaged: {said}; save it anew.") from error


def _rows(workbook: CalamineWorkbook, name: str, formats: Iterator[dict[int, str]]) -> Iterator[Sequence[str]]:
    try:
        sheet = workbook.get_sheet_by_name(name)
        first = sheet.start[1] if sheet.start is not None else 0  # rows come from the first on, columns do not
        for row in sheet.iter_rows():
            codes = next(formats, None)
            if codes:
                yield [_shown(value, codes.get(column)) for column, value in enumerate(row, start=first)]
            else:
                yield [_shown(value) for value in row]
    except (CalamineError, OSError, ValueError) as error:
        raise PermanentError("corrupt", f"The sheet {name!r} is damaged: {reason(error)}.") from error


def _shown(value: Any, code: str | None = None) -> str:
    """A cell's value as people see it: by its number format, and without that no 3.0000000000000004 either."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    formatted = shown(value, code) if code is not None else None
    if formatted is not None:
        return formatted
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e18 else f"{value:.15g}"
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == _MIDNIGHT else value.isoformat(" ", "seconds")
    return str(value)


def _parts(package: Package, main: str) -> dict[str, str]:
    """The part of each sheet by its name."""
    found = relations(package, main)
    parts: dict[str, str] = {}
    for name, ids in sheets_of_binary(package.bytes_of(main)) if main.endswith(".bin") else _sheets(package, main):
        relation = next((found[value] for value in ids if value in found), None)
        if relation is not None and not relation.external:
            parts[name] = relation.target
    return parts


def _sheets(package: Package, main: str) -> Iterator[tuple[str, list[str]]]:
    for sheet in children(child(package.xml(main), "sheets"), "sheet"):
        yield attribute(sheet, "name") or "", [value for key, value in sheet.attrib.items() if "}" in key]


def _lines(package: Package, part: str) -> Iterator[str]:
    found = relations(package, part)
    for drawing in of_kind(found, "drawing"):
        root = package.xml_if_there(drawing)
        if root is not None:
            yield from paragraphs(root)
            yield from linked_text(package, drawing, root)
    for comments in of_kind(found, "comments"):
        root = package.xml_if_there(comments)
        for one in () if root is None else root.iter():
            if local(one) == "comment":
                text = " ".join("".join(piece.text or "" for piece in one.iter() if local(piece) == "t").split())
                yield f"Comment on {attribute(one, 'ref')}: {text}"
