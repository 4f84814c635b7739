"""Where documents' bytes are kept: Postgres by default, or an object store, behind one interface."""

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Protocol
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, func, select, text, update

from docrelay.errors import ConfigError, DocrelayError, Unavailable
from docrelay.names import PIECE_BYTES
from docrelay.sources import Measured
from docrelay.tables import Content, Document, Piece

MARKER = ".docrelay"
"""An object that says: this is the store. A folder that is not mounted looks like one whose bytes are all lost."""


class ContentsDamaged(DocrelayError):  # noqa: N818
    """Stored bytes are missing or are not those that were stored."""


class StorageUnavailable(Unavailable):
    """The object store cannot be reached, is full, or is not the one that was used before."""


class Store(Protocol):
    """Somewhere outside Postgres that keeps bytes by a name. Methods raise `StorageUnavailable` when it is away."""

    def put(self, name: str, pieces: Iterable[bytes]) -> str:
        """Keep them, all or nothing; returns the location to read from."""

    def read(self, location: str) -> Iterator[bytes]:
        """The bytes in pieces.

        Raises:
            ContentsDamaged: there are none.
        """

    def remove(self, location: str) -> None:
        """Remove them, if they are there."""

    def holds(self, location: str) -> bool:
        """Whether there is something of this name."""


NOT_THE_STORE = "what DOCRELAY_STORAGE_URL names is not the store that was used before, or it is not mounted"


class ObjectStore:
    """A folder, S3, GCS or Azure through obstore; `url` names bucket and prefix."""

    def __init__(self, url: str) -> None:
        """Open the store.

        Raises:
            ConfigError: the extra is missing, or the URL is of no store.
        """
        try:
            from obstore.store import from_url
        except ModuleNotFoundError:
            raise ConfigError("DOCRELAY_STORAGE_URL needs the extra: pip install 'docrelay[objects]'") from None
        options: dict[str, Any] = {"mkdir": True} if urlsplit(url).scheme == "file" else {}
        try:
            self._store = from_url(url, **options)
        except Exception as error:
            raise ConfigError(f"DOCRELAY_STORAGE_URL={url!r} cannot be opened: {error}") from error

    def put(self, name: str, pieces: Iterable[bytes]) -> str:
        """Upload in parts; an upload that breaks leaves nothing visible."""
        import obstore

        with _reaching():
            obstore.put(self._store, name, iter(pieces))
        return name

    def read(self, location: str) -> Iterator[bytes]:
        """Download in pieces."""
        import obstore

        with _reaching():
            try:
                stream = obstore.get(self._store, location).stream(min_chunk_size=PIECE_BYTES)
            except FileNotFoundError:
                if not self.holds(MARKER):
                    raise StorageUnavailable(NOT_THE_STORE) from None
                raise ContentsDamaged(f"there is no object {location} in the object store") from None
            for piece in stream:
                yield bytes(piece)

    def remove(self, location: str) -> None:
        """Delete the object."""
        import obstore

        # Gone already if an earlier transaction removed it and then could not be committed.
        with _reaching(), suppress(FileNotFoundError):
            obstore.delete(self._store, location)

    def holds(self, location: str) -> bool:
        """Ask for the object's facts."""
        import obstore

        with _reaching():
            try:
                obstore.head(self._store, location)
            except FileNotFoundError:
                return False
        return True


@contextmanager
def _reaching() -> Iterator[None]:
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError) as error:
        # obstore adds pages of debugging to its first line.
        raise StorageUnavailable(f"the object store cannot be reached: {str(error).partition(chr(10))[0]}") from error


@cache
def store_at(url: str) -> Store:
    """The object store at a URL, opened once per process.

    Raises:
        ConfigError: it cannot be opened, or no URL is set.
    """
    if not url:
        raise ConfigError("these bytes are in an object store: set DOCRELAY_STORAGE_URL to the one they were put in")
    return ObjectStore(url)


# Updating a row that is there locks it, so that nobody removes the bytes before our document refers to them.
HOLD = text(
    """
    insert into contents (sha256, size)
    select sha256, size from unnest(cast(:hashes as bytea[]), cast(:sizes as bigint[])) c(sha256, size)
    order by sha256
    on conflict (sha256) do update set size = excluded.size, let_go_at = null
    """
)

# A statement of its own: only one that starts after HOLD sees what somebody else was storing meanwhile.
STORED = text(
    """
    select sha256 from contents c
    where sha256 = any(cast(:hashes as bytea[]))
      and (location is not null or exists (select 1 from pieces p where p.sha256 = c.sha256))
    """
)

PIECES = text(
    """
    insert into pieces (sha256, number, data)
    select * from unnest(cast(:hashes as bytea[]), cast(:numbers as bigint[]), cast(:pieces as bytea[]))
    """
)


def keep(connection: Connection, sources: Sequence[Measured], storage_url: str) -> None:
    """Store these bytes, which are distinct, unless they are there; hold them against removal until commit."""
    missing = [source for source in _hold(connection, sources) if source.size]
    if not storage_url:
        _put_here(connection, missing)
        return
    if not missing:
        return
    store = store_at(storage_url)
    _recognise(connection, store)
    for source in missing:
        name = source.sha256.hex()
        location = store.put(f"{name[:2]}/{name}", source.pieces())
        _check_kept(store, location)
        connection.execute(update(Content).where(Content.sha256 == source.sha256).values(location=location))


def _hold(connection: Connection, sources: Sequence[Measured]) -> list[Measured]:
    """Lock the rows of these bytes; those that are not stored yet."""
    values = {"hashes": [source.sha256 for source in sources], "sizes": [source.size for source in sources]}
    connection.execute(HOLD, values)
    stored = set(connection.scalars(STORED, {"hashes": values["hashes"]}))
    return [source for source in sources if source.sha256 not in stored]


def _put_here(connection: Connection, sources: Sequence[Measured]) -> None:
    """As pieces: small ones together, and never more than two in memory."""
    batch: list[tuple[bytes, int, bytes]] = []
    size = 0
    for source in sources:
        for number, piece in enumerate(source.pieces()):
            batch.append((source.sha256, number, piece))
            size += len(piece)
            if size >= PIECE_BYTES:
                _insert_pieces(connection, batch)
                batch, size = [], 0
    _insert_pieces(connection, batch)


def _insert_pieces(connection: Connection, batch: Sequence[tuple[bytes, int, bytes]]) -> None:
    if batch:
        hashes, numbers, pieces = zip(*batch, strict=True)
        connection.execute(PIECES, {"hashes": list(hashes), "numbers": list(numbers), "pieces": list(pieces)})


def _recognise(connection: Connection, store: Store) -> None:
    """Make sure that earlier bytes are here: what is put into an empty mount point is hidden by the mount.

    Raises:
        StorageUnavailable: it is another store, or none.
    """
    if store.holds(MARKER):
        return
    earlier = connection.scalar(select(Content.location).where(Content.location.is_not(None)).limit(1))
    if earlier is not None and not store.holds(earlier):
        raise StorageUnavailable(NOT_THE_STORE)
    store.put(MARKER, [b"Documents' bytes are kept here by docrelay.\n"])


def _check_kept(store: Store, location: str) -> None:
    """Look once more: a mount that went away since we recognised it hides what was put in its place.

    Raises:
        StorageUnavailable: it did; what was put is removed again.
    """
    if not (store.holds(MARKER) and store.holds(location)):
        store.remove(location)
        raise StorageUnavailable(NOT_THE_STORE)


def read(connection: Connection, sha256: bytes, storage_url: str) -> bytes:
    """A document's bytes, checked by their hash.

    Raises:
        ContentsDamaged: they are missing or changed.
    """
    row = connection.execute(select(Content.location, Content.let_go_at).where(Content.sha256 == sha256)).one_or_none()
    if row is not None and row.let_go_at is not None:
        raise ContentsDamaged(f"its bytes were removed by retention on {row.let_go_at:%Y-%m-%d}; submit it again")
    location = row and row.location
    pieces: Iterable[bytes]
    if location is None:
        pieces = connection.scalars(select(Piece.data).where(Piece.sha256 == sha256).order_by(Piece.number))
    else:
        pieces = store_at(storage_url).read(location)
    buffer = io.BytesIO()
    for piece in pieces:
        buffer.write(piece)
    data = buffer.getvalue()
    if hashlib.sha256(data).digest() != sha256:
        raise ContentsDamaged(
            f"the stored bytes of {sha256.hex()[:12]}… are missing or damaged ({len(data)} bytes were read)"
        )
    return data


def hold(connection: Connection, sha256: bytes) -> None:
    """Let nobody store or remove these bytes until commit. Comes before all other locks, as in `keep`."""
    connection.execute(select(Content.size).where(Content.sha256 == sha256).with_for_update())


def drop_unused(connection: Connection, sha256: bytes, storage_url: str) -> None:
    """Remove bytes that no document refers to; last in its transaction, since objects do not roll back."""
    # Somebody may be storing them again: only a statement that starts after his commit sees his document.
    hold(connection, sha256)
    used = select(Document.id).where(Document.sha256 == sha256).exists()
    removed = delete(Content).where(Content.sha256 == sha256, ~used).returning(Content.location)
    location = connection.scalar(removed)
    if location:
        store_at(storage_url).remove(location)


def let_go(connection: Connection, sha256: bytes, storage_url: str) -> bool:
    """Remove bytes whose text is to stay; False: none were there.

    Last in its transaction, since objects do not roll back.
    """
    hold(connection, sha256)
    row = connection.execute(select(Content.location, Content.size).where(Content.sha256 == sha256)).one_or_none()
    gone = connection.execute(delete(Piece).where(Piece.sha256 == sha256)).rowcount
    if row is None or not (gone or row.location):
        return False
    changes = {"location": None, "let_go_at": func.now()}
    connection.execute(update(Content).where(Content.sha256 == sha256).values(changes))
    if row.location:
        store_at(storage_url).remove(row.location)
    return True
