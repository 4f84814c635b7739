"""What was read of documents that take long to parse, in its table."""

import uuid

import pytest
from sqlalchemy import Connection, Engine, select

from docrelay import Client
from docrelay.tables import Job, PageSlice
from pipelines.documents import Slice
from tasks.slices import MOST_DOCUMENTS, crowded, forget, keep, kept

VERSION = "9"


@pytest.fixture
def documents(client: Client, engine: Engine) -> list[uuid.UUID]:
    jobs = client.submit_many([f"document {number}".encode() for number in range(MOST_DOCUMENTS)])
    with engine.connect() as connection:
        return list(connection.scalars(select(Job.document_id).where(Job.id.in_([job.id for job in jobs]))))


def read(start: int, until: int) -> Slice:
    return Slice(start, until, f"{start} to {until}".encode())


def until(connection: Connection, document: uuid.UUID, version: str = VERSION) -> list[int]:
    return [each.until for each in kept(connection, document, version).slices]


def test_slices_without_gaps_count(engine: Engine, documents: list[uuid.UUID]) -> None:
    """A worker that was taken for dead wrote others, and another version of the parser its own."""
    document, other = documents[:2]
    with engine.begin() as connection:
        for start, end in ((0, 10), (10, 25), (12, 30), (10, 99), (40, 50), (25, 40)):
            keep(connection, document, VERSION, read(start, end), 1.5)
        keep(connection, document, "10", read(0, 5), 1)
    with engine.begin() as connection:
        found = kept(connection, document, VERSION)
        assert found.slices == [read(0, 10), read(10, 25), read(25, 40), read(40, 50)]
        assert (found.pages, found.seconds) == (50, 6.0)
        assert until(connection, document, "10") == [5]
        assert (until(connection, other), kept(connection, other, VERSION).pages) == ([], 0)
        forget(connection, document)
        assert connection.execute(select(PageSlice)).all() == []


def test_so_many_documents_may_be_half_read(engine: Engine, documents: list[uuid.UUID]) -> None:
    with engine.begin() as connection:
        for document in documents[:-1]:
            keep(connection, document, VERSION, read(0, 10), 1)
            keep(connection, document, VERSION, read(10, 20), 1)
        assert not crowded(connection)
        keep(connection, documents[-1], VERSION, read(0, 10), 1)
        assert crowded(connection)
