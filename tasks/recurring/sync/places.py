"""Where documents come from: what is there, without reading it, and the bytes of one."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast
from urllib.parse import unquote, urlsplit

import httpx

from app.schedule.recurring import refused, try_later
from docrelay.database import storable
from docrelay.errors import SourceError
from docrelay.sources import Measured, measure
from tasks.recurring.sync.arguments import Chooser, Sync

FRESH_NS = 2_000_000_000
"""A file that was changed within the last two seconds may change again within the same tick of its file system's clock:
its time is not trusted, and it is read again the next time."""

WEB_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Found:
    """Something that is there. `stamp`, its time or ETag, tells with the size whether to read it; empty: always."""

    path: str
    size: int | None
    stamp: str


class Place(Protocol):
    """Where documents come from."""

    skipped: list[dict[str, str]]
    """Paths that cannot be taken at all, and why."""

    def walk(self) -> Iterator[Found]:
        """All that is to be taken, in any order, each path once."""

    def read(self, found: Found) -> Measured:
        """The bytes.

        Raises:
            SourceError: they cannot be read.
        """


def place_of(wanted: Sync) -> Place:
    """The place that a sync asks for.

    Raises:
        WorkRefused: it is not there.
    """
    if wanted.source is None:
        return Web(wanted.urls)
    parts = urlsplit(wanted.source)
    if parts.scheme and parts.scheme != "file":
        return Objects(wanted.source, wanted.takes())
    return Folder(Path(unquote(parts.path)) if parts.scheme else Path(wanted.source), wanted.takes())


class Folder:
    """A folder and those in it. Links are not followed: they lead out of it, or round in circles."""

    def __init__(self, root: Path, chooser: Chooser) -> None:
        """Use a folder, which must be there."""
        self._root = root.expanduser()
        self._chooser = chooser
        self._now = time.time_ns()
        self.skipped: list[dict[str, str]] = []
        if not self._root.is_dir():
            raise refused("no_folder", f"there is no folder {self._root} on this host; the recur worker has to see it")

    def walk(self) -> Iterator[Found]:
        """Its files, folder by folder."""
        left = [""]
        while left:
            folder = left.pop()
            try:
                with os.scandir(self._root / folder) as entries:
                    for entry in entries:
                        yield from self._look(f"{folder}{entry.name}", entry, left)
            except OSError as error:
                if not folder:
                    raise try_later("folder", f"{self._root} cannot be listed: {error.strerror}") from error
                # What is in there may be there or not: nothing of it may be taken for gone.
                raise refused("folder", f"{self._root / folder} cannot be listed: {error.strerror}") from error

    def _look(self, path: str, entry: "os.DirEntry[str]", left: list[str]) -> Iterator[Found]:
        if entry.is_dir(follow_symlinks=False):
            if self._chooser.folder(path):
                left.append(f"{path}/")
        elif entry.is_file(follow_symlinks=False) and self._chooser.file(path):
            if path != storable(path):
                self.skipped.append({"path": storable(path), "why": "its name is not UTF-8"})
                return
            try:
                state = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                return
            fresh = self._now - state.st_mtime_ns < FRESH_NS
            yield Found(path, state.st_size, "" if fresh else str(state.st_mtime_ns))

    def read(self, found: Found) -> Measured:
        """The file, by its path within the folder."""
        return measure(self._root / found.path, found.path.rpartition("/")[2])


class Objects:
    """A prefix of S3, GCS or Azure."""

    def __init__(self, url: str, chooser: Chooser) -> None:
        """Open the store; credentials are those of the worker's environment."""
        from obstore.store import from_url

        self._url = url.rstrip("/")
        self._chooser = chooser
        self.skipped: list[dict[str, str]] = []
        try:
            self._store: Any = from_url(self._url)
        except Exception as error:
            raise refused("source", f"{url} cannot be opened: {_first_line(error)}") from error

    def walk(self) -> Iterator[Found]:
        """Its objects, a page at a time."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            for page in obstore.list(self._store, chunk_size=1000):
                for item in page:
                    if self._chooser.file(item["path"]):
                        stamp = item.get("e_tag") or item["last_modified"].isoformat()
                        yield Found(item["path"], item["size"], stamp)
        except (BaseError, OSError) as error:
            raise try_later("source", f"{self._url} cannot be listed: {_first_line(error)}") from error

    def read(self, found: Found) -> Measured:
        """The object."""
        import obstore
        from obstore.exceptions import BaseError

        try:
            reader = _Reader(obstore.open_reader(self._store, found.path))
            return measure(cast("BinaryIO", reader), found.path.rpartition("/")[2])
        except (BaseError, OSError) as error:
            raise SourceError(f"{found.path} cannot be read: {_first_line(error)}") from error


class _Reader:
    """What obstore reads, as bytes: it has a type of its own for them."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def read(self, size: int = -1) -> bytes:
        return bytes(self._reader.read(size))


class Web:
    """Pages and files by their URLs; only those whose ETag, time or length has changed are fetched."""

    def __init__(self, urls: list[str]) -> None:
        """Use these URLs."""
        self._urls = dict.fromkeys(urls)
        self.skipped: list[dict[str, str]] = []

    def walk(self) -> Iterator[Found]:
        """Each, with what its server says of it; one that does not answer counts as there, and is fetched later."""
        with httpx.Client(follow_redirects=True, timeout=WEB_SECONDS) as client:
            for url in self._urls:
                try:
                    answer = client.head(url)
                except httpx.HTTPError:
                    yield Found(url, None, "")
                    continue
                if answer.status_code in (404, 410):
                    continue
                headers = answer.headers if answer.is_success else {}
                size = headers.get("content-length", "")
                stamp = headers.get("etag") or headers.get("last-modified") or ""
                yield Found(url, int(size) if size.isdigit() else None, stamp)

    def read(self, found: Found) -> Measured:
        """Fetch it."""
        return measure(found.path)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
