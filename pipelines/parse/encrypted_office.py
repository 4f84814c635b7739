"""Word, Excel and PowerPoint files of today that are encrypted: a container of its own with a ZIP inside."""

from pipelines.documents import ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse.limits import ParseLimits
from pipelines.parse.parser import Report, Source


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """Raises PermanentError ``encrypted``."""
    del source, limits, report
    raise PermanentError("encrypted", "The Office document is encrypted; remove its password and submit it again.")
