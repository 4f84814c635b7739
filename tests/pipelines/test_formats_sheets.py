"""Spreadsheets: cells as they are shown, and sheets that would fill the memory."""

import datetime
import struct

import pytest

from pipelines.errors import PermanentError
from pipelines.parse import excel_cells, excel_styles, parse
from pipelines.parse.number_format import Value, shown
from tests.pipelines.office import S, rels, xlsx
from tests.pipelines.workbooks import biff, xlsb

ACCOUNTS = '#,##0_);[Red](#,##0);"–"'
MOMENT = datetime.datetime(2023, 6, 5, 16, 4, 59, 600_000)  # noqa: DTZ001 - as cells have it


@pytest.mark.parametrize(
    ("value", "code", "seen"),
    [
        (0.125, "0.0%", "12.5%"),
        (0.125, "0.0 %", "12.5 %"),
        (0.285, "0%", "29%"),  # in binary a little less than that
        (12553.4, "#,##0", "12,553"),
        (-1164, ACCOUNTS, "(1,164)"),
        (0, ACCOUNTS, "–"),
        (-12.5, '"$"#,##0.00', "-$12.50"),
        (1234.5, "#,##0.00\\ [$€-407]", "1,234.50 €"),
        (-0.001, "0.00", "0.00"),
        (1_234_567, '0.0,,"M"', "1.2M"),
        (42, "00000", "00042"),
        (12345678, "000-00-0000", "012-34-5678"),
        (0.000015, "0.00E+00", "1.50E-05"),
        (5.25, '0.0# "kg"', "5.25 kg"),
        (3.5, "# ?/?", None),
        (5, '[<100]"low";"high"', None),
        (5, ";;;", None),
        (5, "0" + "%" * 250, None),
        (MOMENT, "dd/mm/yyyy", "05/06/2023"),
        (MOMENT, "mmm-yy", "Jun-23"),
        (MOMENT, "[$-409]dddd, mmmm d", "Monday, June 5"),
        (MOMENT, "h:mm AM/PM", "4:05 PM"),
        (MOMENT, "mm:ss.0", "04:59.6"),
        (datetime.timedelta(hours=30, minutes=5), "[h]:mm:ss", "30:05:00"),
        (datetime.timedelta.max, "yyyy", None),
        (MOMENT, "0.00", None),
    ],
)
def test_values_are_written_by_their_formats(value: Value, code: str, seen: str | None) -> None:
    assert shown(value, code) == seen


def test_cells_of_a_workbook_are_read_as_they_are_shown() -> None:
    styles = f'<styleSheet {S}><numFmts><numFmt numFmtId="164" formatCode="0.0%"/></numFmts><cellXfs>'
    styles += "".join(f'<xf numFmtId="{number}"/>' for number in (0, 164, 17, 14, 4)) + "</cellXfs></styleSheet>"
    rows = (
        '<row r="3"><c r="C3" t="inlineStr"><is><t>share</t></is></c><c s="1" r="D3"><v>0.125</v></c>'
        '<c r="E3" s="2"><v>45000</v></c></row>'
        '<row r="4"><c r="C4" s="4"><v>1234.5</v></c><c r="D4"><v>0.125</v></c><c r="E4" s="3"><v>45000</v></c></row>'
    )
    links = rels(("s1", "worksheet", "worksheets/sheet1.xml"), ("st", "styles", "styles.xml"))
    data = xlsx({"S": rows}, {"xl/styles.xml": styles, "xl/_rels/workbook.xml.rels": links})
    assert parse(data, "a.xlsx").pages[0].text == (
        "# S\n\n| share | 12.5% | Mar-23 |\n|---|---|---|\n| 1,234.50 | 0.125 | 2023-03-15 |"
    )


def test_binary_workbooks_are_read_as_they_are_shown() -> None:
    data = xlsb([(0, 0, 0, 0.125), (0, 1, 1, -7), (1, 0, 0, 1), (1, 1, 0, 2)], ["0.0%", "0;(0)"])
    assert parse(data, "a.xlsb").pages[0].text == "# S\n\n| 12.5% | (7) |\n|---|---|\n| 100.0% | 200.0% |"


def test_binary_workbooks_with_cells_far_apart_are_refused() -> None:
    with pytest.raises(PermanentError) as caught:
        parse(xlsb([(0, 0, 0, 1), (1_048_575, 16_383, 0, 1)], ["0"]), "a.xlsb")
    assert caught.value.code == "too_large"
    assert "1,048,576 rows by 16,384 columns" in caught.value.message


def test_records_of_an_old_workbook() -> None:
    share = struct.pack("<HHB", 164, 4, 0) + b"0.0%"
    styles = biff((0x41E, share), (0xE0, struct.pack("<HH", 0, 0)), (0xE0, struct.pack("<HH", 0, 164)))
    codes = excel_styles.of_old(excel_cells.old_records(styles))
    assert codes == {1: "0.0%"}
    cells = biff(
        (0x203, struct.pack("<HHHd", 0, 2, 1, 0.125)),
        (0xBD, struct.pack("<HHHIHIH", 2, 0, 0, 0, 1, 0, 1)),
        (0x27E, struct.pack("<HHHI", 9, 5, 0, 0)),
    )
    found = excel_cells.of_old(excel_cells.old_records(cells), frozenset(codes))
    assert (found.rows, found.columns) == (10, 6)
    assert list(found.by_row()) == [{2: 1}, {}, {1: 1}]
