"""Plain text: form feeds end pages, everything else is kept."""

from pipelines.documents import Page, ParsedDocument
from pipelines.parse.clean import clean
from pipelines.parse.limits import ParseLimits
from pipelines.parse.parser import Report, Source


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of a decoded text. Raises PermanentError ``too_large``."""
    content = source.text or ""
    limits.check_pages(content.count("\f") + 1)
    texts = [clean(part) for part in content.rstrip("\f").split("\f")]
    pages = [Page(number, None, text) for number, text in enumerate(texts, start=1)]
    report(len(pages), len(pages))
    return ParsedDocument("text/plain", len(pages), pages, [], {}, [])
