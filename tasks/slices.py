"""What was read so far of documents that take long to parse, in their table."""

import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from docrelay.tables import PageSlice
from pipelines.documents import Slice

MOST_DOCUMENTS = 8
"""So many may be half read: of a thousand books that came at once each would make way for the next, and all wait here
with some ten MB each."""


@dataclass(slots=True)
class Kept:
    """The slices of a document from its first page on, without gaps, and how long reading them took."""

    slices: list[Slice]
    seconds: float

    @property
    def pages(self) -> int:
        """So many are read."""
        return self.slices[-1].until if self.slices else 0

    def add(self, new: Slice, seconds: float) -> None:
        """Go on with another one."""
        self.slices.append(new)
        self.seconds += seconds


def kept(connection: Connection, document_id: uuid.UUID, version: str) -> Kept:
    """What this version of the parser has read of a document."""
    mine = (PageSlice.document_id == document_id) & (PageSlice.parsed_by == version)
    columns = select(PageSlice.start, PageSlice.until, PageSlice.data, PageSlice.seconds)
    found = Kept([], 0.0)
    for row in connection.execute(columns.where(mine).order_by(PageSlice.start)):
        # A worker that was taken for dead may have kept one that overlaps.
        if row.start == found.pages:
            found.add(Slice(row.start, row.until, row.data), row.seconds)
    return found


def keep(connection: Connection, document_id: uuid.UUID, version: str, new: Slice, seconds: float) -> None:
    """Keep one more."""
    row = upsert(PageSlice).values(
        document_id=document_id,
        parsed_by=version,
        start=new.start,
        until=new.until,
        data=new.data,
        seconds=seconds,
    )
    connection.execute(row.on_conflict_do_nothing())


def crowded(connection: Connection) -> bool:
    """Whether as many documents are half read as may be."""
    return bool(connection.scalar(select(func.count(PageSlice.document_id.distinct()) >= MOST_DOCUMENTS)))


def forget(connection: Connection, document_id: uuid.UUID) -> None:
    """The document is read."""
    connection.execute(delete(PageSlice).where(PageSlice.document_id == document_id))
