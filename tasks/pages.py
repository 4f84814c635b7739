"""What the stages that read pages have in common: the outcome, and why pages could not be read."""

from collections.abc import Mapping

from sqlalchemy import Connection, select, update

from app.work import Work
from docrelay import tables as t
from docrelay.names import JobStatus

OCR = "ocr"
"""Name of the stage, and mark of the pages that it made."""


def outcome(*, has_text: bool, complete: bool) -> JobStatus:
    """Of a document that was read: whether it has text, and whether all of its pages could be read."""
    if not has_text:
        return JobStatus.NO_TEXT
    return JobStatus.SUCCEEDED if complete else JobStatus.PARTIAL


def note(connection: Connection, work: Work, reasons: Mapping[int, str | None]) -> None:
    """Say why pages could not be read, in place of what was said of them before; None: there is nothing to say."""
    document = t.Document.id == work.claim.document_id
    before = connection.execute(select(t.Document.problems).where(document)).scalar_one()
    of_others = [problem for problem in before if problem["page"] not in reasons]
    ours = [{"page": page, "message": reason} for page, reason in reasons.items() if reason is not None]
    together = sorted([*of_others, *ours], key=lambda problem: int(problem["page"]))
    if together != before:
        connection.execute(update(t.Document).where(document).values(problems=together))
