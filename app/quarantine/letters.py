"""Messages that the broker or a worker refused; the sweep keeps them as rows of `dead_messages`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, select

from app.quarantine.selection import LETTER_PREFIX, Selection, WrongSelection
from docrelay.tables import DeadMessage, StageRun


@dataclass(frozen=True, slots=True)
class Letter:
    """A refused message. It did no harm to any job: what it announced, if anything, is announced again."""

    number: int
    at: datetime
    queue: str | None
    reason: str
    stage: str | None

    @property
    def id(self) -> str:
        """As it is called on the command line."""
        return f"{LETTER_PREFIX}{self.number}"


def select_letters(connection: Connection, selection: Selection) -> list[Letter]:
    """The selected messages, oldest first.

    Raises:
        WrongSelection: an id names none.
    """
    wanted = selection.letter_ids
    if selection.of_jobs_only or (selection.ids and not wanted):
        return []
    found = [Letter(*row) for row in connection.execute(_narrowed(selection, wanted))]
    if missing := set(wanted) - {letter.number for letter in found}:
        raise WrongSelection(f"there is no {LETTER_PREFIX}{min(missing)} in this selection")
    return found


def _narrowed(selection: Selection, wanted: list[int]) -> Select[int, datetime, str | None, str, str]:
    columns = (DeadMessage.id, DeadMessage.at, DeadMessage.queue, DeadMessage.reason, StageRun.stage)
    statement = select(*columns).outerjoin(StageRun, StageRun.id == DeadMessage.stage_run_id)
    if wanted:
        statement = statement.where(DeadMessage.id.in_(wanted))
    if selection.stage:
        statement = statement.where(StageRun.stage == selection.stage)
    if selection.since:
        statement = statement.where(DeadMessage.at >= selection.since)
    if selection.until:
        statement = statement.where(DeadMessage.at < selection.until)
    return statement.order_by(DeadMessage.id)


def examine_letter(connection: Connection, letter: Letter) -> tuple[dict[str, Any], bytes]:
    """Its headers and its body.

    Raises:
        WrongSelection: somebody has discarded it meanwhile.
    """
    columns = select(DeadMessage.headers, DeadMessage.body).where(DeadMessage.id == letter.number)
    row = connection.execute(columns).one_or_none()
    if row is None:
        raise WrongSelection(f"{letter.id} is gone")
    return row.headers, row.body


def discard_letters(connection: Connection, letters: list[Letter]) -> int:
    """Remove them for good; how many. What they announced is in the rows of the jobs."""
    numbers = [letter.number for letter in letters]
    return connection.execute(delete(DeadMessage).where(DeadMessage.id.in_(numbers))).rowcount
