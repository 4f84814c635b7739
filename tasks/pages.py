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


def set_problems(connection: Connection, work: Work, problems: str | Mapping[int, str]) -> None:
    """Say why scanned pages could not be read, each or all; what was said of them before is forgotten."""
    document = t.Document.id == work.claim.document_id
    row = connection.execute(select(t.Document.problems, t.Document.scanned).where(document)).one()
    reasons = dict.fromkeys(row.scanned, problems) if isinstance(problems, str) else problems
    of_others = [problem for problem in row.problems if problem["page"] not in row.scanned]
    ours = [{"page": page, "message": reason} for page, reason in reasons.items()]
    together = sorted([*of_others, *ours], key=lambda problem: problem["page"])
    connection.execute(update(t.Document).where(document).values(problems=together))
