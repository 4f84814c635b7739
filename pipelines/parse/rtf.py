"""RTF, of word processors and of old mail programs."""

from pipelines.documents import ParsedDocument
from pipelines.parse import media
from pipelines.parse.blocks import Blocks
from pipelines.parse.limits import ParseLimits
from pipelines.parse.parser import Report, Source
from pipelines.parse.rtf_reader import read_rtf


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of an RTF text; what is embedded in it stays out. Raises PermanentError ``too_large``."""
    blocks = Blocks(limits)
    metadata = read_rtf(source.data, blocks)
    pages = blocks.pages()
    report(len(pages), len(pages))
    notes = ["Objects embedded in the document were left out."] if b"\\objdata" in source.data else []
    return ParsedDocument(media.RTF, len(pages), pages, [], metadata, notes)
