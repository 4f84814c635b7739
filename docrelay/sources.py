"""What may be submitted: a path, bytes, a binary file object, or a URL; each read twice, never whole."""

import hashlib
import http.client
import io
import os
import tempfile
import urllib.error
import urllib.request
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, Protocol, cast
from urllib.parse import unquote, urlsplit

from docrelay.errors import ConfigError, SourceError
from docrelay.names import PIECE_BYTES

Source = str | os.PathLike[str] | bytes | BinaryIO
"""A path, an http(s)/s3/gs/az URL, bytes, or a binary file object."""

WEB = ("http", "https")
OBJECTS = ("s3", "gs", "az")
SPOOL_BYTES = 8 * PIECE_BYTES
FETCH_SECONDS = 60


class Openable(Protocol):
    """Something that gives its bytes as a stream, as often as asked."""

    def __call__(self) -> AbstractContextManager[IO[bytes]]:
        """Open it at its start."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A source with its hash and size, ready to be stored."""

    name: str
    sha256: bytes
    size: int
    open: Openable

    def pieces(self) -> Iterator[bytes]:
        """The bytes in pieces, checked against the hash.

        Raises:
            SourceError: the bytes are not those that were measured (the file changed meanwhile).
        """
        digest = hashlib.sha256()
        try:
            with self.open() as stream:
                while piece := stream.read(PIECE_BYTES):
                    digest.update(piece)
                    yield piece
        except OSError as error:
            raise SourceError(f"{self.name} cannot be read: {error.strerror or error}") from error
        if digest.digest() != self.sha256:
            raise SourceError(f"{self.name} changed while it was read; submit it again")


def measure(source: Source, name: str | None = None) -> Measured:
    """Hash a source and find its name.

    Raises:
        SourceError: it cannot be read; says what and why.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
        return _measured(name or "unnamed", lambda: io.BytesIO(data))
    if isinstance(source, str | os.PathLike):
        text = os.fspath(source)
        scheme = urlsplit(text).scheme
        if scheme in (*WEB, *OBJECTS):
            return _fetched(text, scheme, name)
        return _from_path(Path(text), name)
    if hasattr(source, "read"):
        guessed = Path(str(getattr(source, "name", "unnamed"))).name
        return _spooled(source, name or guessed)
    raise SourceError(f"cannot submit a {type(source).__name__}: expected a path, bytes, a file or a URL")


def _from_path(path: Path, name: str | None) -> Measured:
    try:
        kind = "" if path.is_file() else "is a folder" if path.is_dir() else "does not exist"
    except OSError as error:  # a folder on the way is closed, or a whole text was taken for a path
        kind = f"cannot be read: {error.strerror}"
    if kind:
        raise SourceError(f"{str(path)[:200]} {kind}; expected a file")

    def reopen() -> IO[bytes]:
        return path.open("rb")

    return _measured(name or path.name, reopen)


def _measured(name: str, reopen: Openable) -> Measured:
    try:
        with reopen() as stream:
            digest, size = hashlib.sha256(), 0
            while piece := stream.read(PIECE_BYTES):
                digest.update(piece)
                size += len(piece)
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror or error}") from error
    return Measured(name, digest.digest(), size, reopen)


def _spooled(stream: IO[Any], name: str) -> Measured:
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - lives as long as `reopen`
    while piece := stream.read(PIECE_BYTES):
        if not isinstance(piece, bytes):
            spool.close()
            raise SourceError(f"{name} is open as text; open it with mode 'rb'")
        spool.write(piece)

    @contextmanager
    def reopen() -> Iterator[IO[bytes]]:
        spool.seek(0)
        yield spool

    weakref.finalize(reopen, spool.close)
    return _measured(name, reopen)


def _fetched(url: str, scheme: str, name: str | None) -> Measured:
    name = name or unquote(PurePosixPath(urlsplit(url).path).name) or urlsplit(url).netloc
    if scheme in OBJECTS:
        return _spooled(_object_stream(url), name)
    try:
        with urllib.request.urlopen(url, timeout=FETCH_SECONDS) as answer:  # noqa: S310 - scheme checked
            measured = _spooled(answer, name)
            # Reading in pieces, http.client takes a connection that broke for the end.
            if answer.length:
                raise SourceError(f"{url} cannot be fetched: the answer ended {answer.length} bytes too early")
            return measured
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it is the answer too, with its socket
        reason = getattr(error, "reason", error) or type(error).__name__
        raise SourceError(f"{url} cannot be fetched: {reason}") from error


def _object_stream(url: str) -> IO[bytes]:
    try:
        import obstore
        from obstore.store import from_url
    except ModuleNotFoundError:
        raise ConfigError(f"{url} needs the extra: pip install 'docrelay[objects]'") from None
    folder, _, key = url.rpartition("/")
    try:
        return cast("IO[bytes]", obstore.open_reader(from_url(folder), key))
    except Exception as error:
        raise SourceError(f"{url} cannot be fetched: {error}") from error
