"""The document process of the parse stage."""

from collections.abc import Callable
from typing import Any

from pipelines.documents import ParsedDocument
from pipelines.parse import parse
from tasks.isolated.errors import classify

__all__ = ["calls", "classify"]


def parse_document(data: bytes, name: str, engine: str, report: Callable[[int, int], None]) -> ParsedDocument:
    """Parse with the default limits on pages and text."""
    return parse(data, name, engine=engine, report=report)


def calls() -> dict[str, Callable[..., Any]]:
    """The functions of this process."""
    return {"parse": parse_document}
