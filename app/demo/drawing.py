"""Drawing PDFs and pictures, and spoiling them."""

import io
import re

from fpdf import FPDF
from PIL import Image, ImageDraw
from pypdf import PdfReader, PdfWriter

FONT, TITLE_SIZE, HEADING_SIZE, TEXT_SIZE, LINE = "Helvetica", 20, 14, 11, 6.5


def draw_pdf(markdown: str) -> bytes:
    """A PDF of simple Markdown: the title on the first page, and each section on a page of its own."""
    title, *sections = re.split(r"^##? ", markdown, flags=re.MULTILINE)[1:]
    pdf = FPDF()
    pdf.set_title(title.strip())
    for number, section in enumerate(sections):
        heading, _, text = section.partition("\n")
        pdf.add_page()
        if number == 0:
            _write(pdf, title.strip(), TITLE_SIZE, bold=True)
        _write(pdf, heading, HEADING_SIZE, bold=True)
        for paragraph in text.strip().split("\n\n"):
            _write(pdf, " ".join(paragraph.split()), TEXT_SIZE)
    return bytes(pdf.output())


def _write(pdf: FPDF, text: str, size: int, *, bold: bool = False) -> None:
    pdf.set_font(FONT, "B" if bold else "", size)
    pdf.multi_cell(0, LINE if size == TEXT_SIZE else size / 2, text, new_x="LMARGIN", new_y="NEXT")
    pdf.ln(3)


def lock(data: bytes, password: str) -> bytes:
    """The same PDF, encrypted."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    writer.encrypt(password, algorithm="RC4-128")  # old, but needs no further package
    locked = io.BytesIO()
    writer.write(locked)
    return locked.getvalue()


def cut_off(data: bytes) -> bytes:
    """The beginning of a file, as a broken download leaves it."""
    return data[: len(data) // 2]


def scan(lines: list[str]) -> bytes:
    """A PDF that holds nothing but the picture of a page."""
    page = Image.new("L", (620, 877), 250)
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        draw.text((60, 80 + 30 * number), line, fill=40, font_size=18)
    pdf = FPDF()
    pdf.add_page()
    pdf.image(page.rotate(0.7, fillcolor=250), x=0, y=0, w=pdf.w)  # no scan is ever straight
    return bytes(pdf.output())


def blank() -> bytes:
    """A page with nothing on it."""
    pdf = FPDF()
    pdf.add_page()
    return bytes(pdf.output())
