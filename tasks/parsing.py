"""Parsing in a process that can die; what takes long is read in slices, and makes way for others in between."""

import time
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from app.isolation import DocumentProcess
from app.work import Work
from config.settings import settings
from pipelines.documents import ParsedDocument, Part, Slice
from pipelines.parse import ParseLimits, version
from tasks import slices
from tasks.pool import Pool
from tasks.slices import Kept
from tasks.turn import Turn

SLICE_SECONDS = 1.0
"""What a crash repeats, and how long somebody waits for whom others wait. Hardly any document takes as long."""

TURN_SECONDS = 3.0
"""So long a document keeps its slot while others of its priority wait for one. To go on it is opened again."""


@dataclass(frozen=True, slots=True)
class Given:
    """What is parsed: the bytes, how many containers they were taken out of, and the password given with the job.

    `kept` is what was read of it before.
    """

    data: bytes
    depth: int
    password: str | None
    kept: Kept


def parse(work: Work, given: Given) -> ParsedDocument | None:
    """The document, or None when others are to go first: what was read is kept then.

    Raises what `DocumentProcess.call` raises.
    """
    # After a crash or a limit: once more alone, in a fresh process, with the fallback.
    if work.claim.strikes > 0:
        work.write(lambda connection: slices.forget(connection, work.claim.document_id))
        return _whole(work, given)
    turn = Turn(work, TURN_SECONDS)
    while True:
        began = time.monotonic()
        part = _slice(work, given)
        if part.slice is None:
            return part.document
        _keep(work, given.kept, part.slice, time.monotonic() - began)
        if turn.over(for_anybody=not work.read(slices.crowded)):
            return None


def _keep(work: Work, kept: Kept, new: Slice, seconds: float) -> None:
    document_id = work.claim.document_id
    work.write(lambda connection: slices.keep(connection, document_id, parser_version(), new, seconds))
    kept.add(new, seconds)


def parser_version() -> str:
    """What `documents.parsed_by` says of a document that is parsed now."""
    return version(every_line=settings().pdf_every_line)


def parse_limits() -> ParseLimits:
    """What the settings allow a document."""
    wanted = settings()
    return ParseLimits(
        max_bytes=wanted.max_bytes,
        max_pages=wanted.max_pages,
        max_text_chars=wanted.max_text_chars,
        max_members=wanted.max_members,
        max_depth=wanted.max_depth,
    )


def _slice(work: Work, given: Given) -> Part:
    limits = replace(work.limits, spent=given.kept.seconds)
    arguments = _arguments(work, given) | {"kept": given.kept.slices, "slice_seconds": SLICE_SECONDS}
    pool = _pool(work.claim.memory_mb)
    process = pool.take()
    try:
        return process.call("parse_slice", arguments, Part, limits, work)
    finally:
        pool.give_back(process)


def _whole(work: Work, given: Given) -> ParsedDocument:
    process = _process(work.claim.memory_mb)
    arguments = _arguments(work, given) | {"engine": "fallback"}
    try:
        return process.call("parse", arguments, ParsedDocument, work.limits, work)
    finally:
        process.kill()


def _arguments(work: Work, given: Given) -> dict[str, Any]:
    return {
        "data": given.data,
        "name": work.claim.name,
        "limits": parse_limits(),
        "password": given.password,
        "depth": given.depth,
        "every_line": settings().pdf_every_line,
    }


@cache
def _pool(memory_mb: int) -> Pool:
    return Pool(lambda: _process(memory_mb))


def _process(memory_mb: int) -> DocumentProcess:
    return DocumentProcess("tasks.isolated.parse", memory_mb=memory_mb)
