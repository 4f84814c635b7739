"""Source code stays as it is written; its language becomes metadata."""

from pipelines.documents import Page, ParsedDocument
from pipelines.parse import media
from pipelines.parse.clean import clean
from pipelines.parse.languages import language_of
from pipelines.parse.limits import ParseLimits
from pipelines.parse.parser import Report, Source


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of a decoded program, on one page. Raises nothing; the limits were checked before."""
    del limits
    text = source.text or ""
    language = language_of(source.name, text[:1000])
    metadata = {"programming_language": language} if language else {}
    report(1, 1)
    return ParsedDocument(media.SOURCE, 1, [Page(1, None, clean(text))], [], metadata, [])
