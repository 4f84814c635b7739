"""The pages of a document as pictures: of a PDF drawn by pdfium, of a picture file as they are."""

from abc import ABC, abstractmethod
from io import BytesIO

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image, ImageOps

from pipelines.errors import PermanentError
from pipelines.parse.failures import PARSER_FAILURES, reason
from pipelines.parse.pdf_password import refused
from pipelines.parse.quiet import quiet

DPI = 300
"""What Tesseract was trained for; at 200 it loses small print, at 400 it is slower and no better."""

MOST_PIXELS = 36_000_000
"""An A2 page at 300 dpi; larger ones are drawn smaller. Recognition takes some ten bytes for each."""

MOST_DECODED = 100_000_000
"""Pixels of a picture file before it is made smaller; a file of some kB can claim any number."""

SMALL_SIDE = 2000
"""A picture whose longer side is shorter is read at twice its size: of screenshots that finds a third more words."""

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")
"""No others: some of Pillow's start programs, and all of them read what strangers send."""


class Pictures(ABC):
    """The pages of an open document, by their number from 1."""

    @abstractmethod
    def page(self, number: int) -> tuple[Image.Image, int]:
        """A page in grey, upright as far as the file says so, and its dots per inch.

        Raises PermanentError: ``unreadable`` or ``too_large``, with a sentence about this page alone.
        """


def open_pictures(data: bytes, media_type: str, password: str | None = None) -> Pictures:
    """The pages of a PDF or of a picture file.

    Raises PermanentError: ``corrupt``, ``encrypted``.
    """
    if media_type == "application/pdf":
        return _PdfPages(data, password)
    return _Frames(data)


class _PdfPages(Pictures):
    def __init__(self, data: bytes, password: str | None) -> None:
        try:
            self._document = pypdfium2.PdfDocument(data, password=password)
        except pypdfium2.PdfiumError as error:
            if error.err_code == pdfium.FPDF_ERR_PASSWORD:
                raise refused(password) from error
            raise PermanentError(
                "corrupt", f"pdfium cannot open the file to draw its pages: {reason(error)}."
            ) from error
        self._document.init_forms()

    def page(self, number: int) -> tuple[Image.Image, int]:
        try:
            page = self._document[number - 1]
        except PARSER_FAILURES as error:
            raise PermanentError("unreadable", f"the page cannot be drawn: {reason(error)}") from error
        try:
            width, height = page.get_size()
            scale = min(DPI / 72, (MOST_PIXELS / max(1.0, width * height)) ** 0.5)
            picture: Image.Image = page.render(scale=scale, grayscale=True).to_pil()
        except PARSER_FAILURES as error:
            raise PermanentError("unreadable", f"the page cannot be drawn: {reason(error)}") from error
        finally:
            page.close()
        return picture.convert("L"), max(70, round(scale * 72))


class _Frames(Pictures):
    def __init__(self, data: bytes) -> None:
        self._image = open_picture(data)

    def page(self, number: int) -> tuple[Image.Image, int]:
        try:
            self._image.seek(number - 1)
            _make_bearable(self._image)
            picture = _grey(ImageOps.exif_transpose(self._image))
        except PARSER_FAILURES as error:
            raise PermanentError("unreadable", f"the picture cannot be decoded: {reason(error)}") from error
        return _sized(picture)


def open_picture(data: bytes) -> Image.Image:
    """A picture file, its header read and nothing else.

    Raises PermanentError: ``corrupt`` or ``too_large``.
    """
    try:
        with quiet("PIL"):  # it warns of pictures that are large, and refuses those that are very large
            return Image.open(BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise PermanentError(
            "too_large", f"The picture has more than the {MOST_DECODED:,} pixels that are decoded; make it smaller."
        ) from error
    except PARSER_FAILURES as error:
        raise PermanentError("corrupt", f"The picture cannot be opened: {reason(error)}.") from error


def _make_bearable(image: Image.Image) -> None:
    """Refuse to decode what would take gigabytes; a large JPEG is decoded at a fraction of its size."""
    pixels = image.width * image.height
    if pixels > MOST_DECODED:
        raise PermanentError(
            "too_large",
            f"the picture has {pixels:,} pixels, more than the {MOST_DECODED:,} that are decoded; make it smaller",
        )
    if pixels > MOST_PIXELS:
        shrink = (MOST_PIXELS / pixels) ** 0.5
        image.draft("L", (round(image.width * shrink), round(image.height * shrink)))


def _grey(image: Image.Image) -> Image.Image:
    """On white, where the picture lets something shine through."""
    if image.mode.startswith(("I", "F")):
        low, high = image.getextrema()
        span = max(1.0, float(high) - float(low))  # type: ignore[arg-type]
        return image.point(lambda value: (value - low) * (255.0 / span)).convert("L")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        seen = image.convert("RGBA")
        ground = Image.new("RGBA", seen.size, "white")
        ground.alpha_composite(seen)
        return ground.convert("L")
    return image.convert("L")


def _sized(picture: Image.Image) -> tuple[Image.Image, int]:
    factor = (
        2.0 if max(picture.size) < SMALL_SIDE else min(1.0, (MOST_PIXELS / (picture.width * picture.height)) ** 0.5)
    )
    if factor != 1.0:
        size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return picture, DPI
