"""The benchmark of one large document: what it is made of."""

from pathlib import Path

import pytest
from fpdf import FPDF
from pypdfium2 import PdfDocument

from benchmarks.large import _merged


def make_pdf(*texts: str) -> bytes:
    pdf = FPDF()
    pdf.set_font("helvetica")
    for text in texts:
        pdf.add_page()
        pdf.cell(text=text)
    return bytes(pdf.output())


@pytest.mark.parametrize(("most", "pages"), [(1, 1), (3, 3), (4, 4), (100, 5)])
def test_so_many_pages_of_a_folder_are_merged(tmp_path: Path, most: int, pages: int) -> None:
    """Of a folder's PDFs in order, those in folders below too; what is none is left out."""
    (tmp_path / "below").mkdir()
    (tmp_path / "a.pdf").write_bytes(make_pdf("One", "Two", "Three"))
    (tmp_path / "b.pdf").write_bytes(b"No PDF.")
    (tmp_path / "below" / "c.pdf").write_bytes(make_pdf("Four", "Five"))
    data, count = _merged(tmp_path, most)
    whole = PdfDocument(data)
    assert (count, len(whole)) == (pages, pages)
    found = [page.get_textpage().get_text_range().strip() for page in whole]
    assert found == ["One", "Two", "Three", "Four", "Five"][:pages]
