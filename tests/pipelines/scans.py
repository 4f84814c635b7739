"""Pictures of text, as scanners and cameras make them."""

from io import BytesIO
from typing import Any

from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1240, 1754  # A4 at 150 dpi
LINES = (
    "The tenant pays a deposit of two months before",
    "the keys are handed over. When the contract ends",
    "the landlord returns the deposit within six weeks.",
    "Pets are welcome if the neighbours are not disturbed",
    "by barking at night or by feathers on the stairs.",
)


def scan(*lines: str, mode: str = "L") -> Image.Image:
    """A page with these lines, dark on light."""
    page = Image.new("L", (WIDTH, HEIGHT), 245)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=36)
    for number, line in enumerate(lines or LINES):
        draw.text((120, 150 + 60 * number), line, fill=25, font=font)
    return page.convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as a file."""
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def scanned_pdf(*pages: Image.Image | str) -> bytes:
    """A PDF whose pages are pictures, or text."""
    pdf = FPDF()
    pdf.set_font("helvetica", size=14)
    for page in pages:
        pdf.add_page()
        if isinstance(page, str):
            pdf.multi_cell(0, 8, page)
        else:
            pdf.image(page, x=0, y=0, w=210, h=297)
    return bytes(pdf.output())
