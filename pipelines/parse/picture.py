"""Pictures: how many pages they have. Their text is read by OCR, in a stage of its own."""

from PIL import Image

from pipelines.documents import ParsedDocument
from pipelines.errors import PermanentError
from pipelines.ocr.pictures import open_picture
from pipelines.parse.failures import PARSER_FAILURES, reason
from pipelines.parse.limits import ParseLimits
from pipelines.parse.parser import Report, Source


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """A document without text, whose pages are all scanned: of TIFF each, of moving pictures the first.

    Raises PermanentError: ``corrupt`` or ``too_large``.
    """
    image = open_picture(source.data)
    try:
        pages = _pages(image, limits)
    except PARSER_FAILURES as error:
        raise PermanentError("corrupt", f"The pages of the picture cannot be counted: {reason(error)}.") from error
    report(pages, pages)
    facts = {"pixels": f"{image.width} × {image.height}"}
    return ParsedDocument(source.media_type, pages, [], [], facts, [], scanned=list(range(1, pages + 1)))


def _pages(image: Image.Image, limits: ParseLimits) -> int:
    if image.format != "TIFF":
        return 1
    pages = int(getattr(image, "n_frames", 1))
    limits.check_pages(pages)
    return pages
