"""Where documents' bytes go: written, read back, removed."""

import hashlib
import uuid
from contextlib import suppress

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import DBAPIError

from app.doctor.findings import Finding, Verdict
from config.settings import Settings
from docrelay.contents import store_at
from docrelay.errors import DocrelayError
from docrelay.tables import Content, Piece


def storage(settings: Settings, engine: Engine) -> Finding:
    """A few bytes there and back; nothing is left."""
    data = uuid.uuid4().bytes
    place = settings.storage_url.partition("?")[0] or "Postgres"
    back: bytes | None
    try:
        if settings.storage_url:
            back = _through_store(settings.storage_url, data)
        else:
            with engine.connect() as connection:  # never committed
                back = _through_rows(connection, data)
    except (DocrelayError, DBAPIError) as error:
        return Finding("storage", Verdict.FAILED, str(error).splitlines()[0], _remedy(settings))
    if back != data:
        return Finding("storage", Verdict.FAILED, f"{place} gave back other bytes than it was given", _remedy(settings))
    return Finding("storage", Verdict.OK, f"{place}: written, read back, removed")


def _remedy(settings: Settings) -> str:
    if settings.storage_url:
        return "correct DOCRELAY_STORAGE_URL, or give this user the right to write, read and delete there"
    return "give the database's user the right to write, and the database room"


def _through_store(url: str, data: bytes) -> bytes:
    store = store_at(url)
    location = store.put(f"doctor/{uuid.uuid4().hex}", [data])
    try:
        back = b"".join(store.read(location))
    except DocrelayError:
        with suppress(DocrelayError):
            store.remove(location)
        raise
    store.remove(location)
    return back


def _through_rows(connection: Connection, data: bytes) -> bytes | None:
    sha256 = hashlib.sha256(data).digest()
    connection.execute(insert(Content).values(sha256=sha256, size=len(data)))
    connection.execute(insert(Piece).values(sha256=sha256, number=0, data=data))
    back = connection.scalar(select(Piece.data).where(Piece.sha256 == sha256))
    connection.rollback()
    return back
