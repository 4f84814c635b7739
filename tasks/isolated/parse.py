"""The document process of the parse stage."""

from collections.abc import Callable
from typing import Any

from pipelines.documents import ParsedDocument
from pipelines.parse import ParseLimits, parse
from tasks.isolated.errors import classify

__all__ = ["calls", "classify"]


def parse_document(
    data: bytes, name: str, engine: str, report: Callable[[int, int], None], limits: ParseLimits = ParseLimits()
) -> ParsedDocument:
    """Parse what is within the limits."""
    return parse(data, name, engine=engine, limits=limits, report=report)


def calls() -> dict[str, Callable[..., Any]]:
    """The functions of this process."""
    return {"parse": parse_document}
