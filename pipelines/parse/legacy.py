"""Word and PowerPoint files of before 2007, by office_oxide, which writes their text as Markdown."""

import re

import office_oxide

from pipelines.documents import Page, ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse import media
from pipelines.parse.blocks import Blocks
from pipelines.parse.clean import clean
from pipelines.parse.failures import reason
from pipelines.parse.limits import ParseLimits
from pipelines.parse.parser import Report, Source

_SLIDE = re.compile(r"^## Slide (\d+)\n", re.MULTILINE)
_FORMATS = {media.DOC: "doc", media.PPT: "ppt"}


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of a DOC, on one page, or of a PPT by its slides.

    Raises PermanentError ``corrupt``, ``encrypted`` or ``too_large``.
    """
    try:
        document = office_oxide.Document.from_bytes(source.data, _FORMATS[source.media_type])
        text = clean(document.to_markdown())
    except office_oxide.OfficeOxideError as error:
        if "encrypted" in str(error) or "password" in str(error):
            raise PermanentError(
                "encrypted", "The document is encrypted; remove its password and submit it again."
            ) from error
        raise PermanentError(
            "corrupt", f"The document is damaged: {reason(error)}; open and save it in a current program."
        ) from error
    limits.check_text(len(text))
    pages = _slides(text, limits) if source.media_type == media.PPT else [Page(1, None, text)]
    report(len(pages), len(pages))
    return ParsedDocument(source.media_type, len(pages), pages, [], {}, [])


def _slides(text: str, limits: ParseLimits) -> list[Page]:
    pieces = _SLIDE.split(text)
    blocks = Blocks(limits)
    blocks.markdown(pieces[0])
    for number, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        body = re.sub(r"^##(#+) ", r"\1 ", piece, flags=re.MULTILINE)
        title = re.search(r"^#+ (.+)", body, re.MULTILINE)
        blocks.new_page(title[1] if title else f"slide {number}")
        blocks.markdown(body)
    return blocks.pages()
