"""Queues as folders of files, shared by any number of processes of one host.

    <root>/queues/<queue>/<time>-<process>-<number>   one message; names sort by age
    <root>/queues/<queue>/.seen                       only in a passing queue: when its consumer last looked
    <root>/exchanges/<exchange>                       the bindings, a JSON list of [key, pattern, queue]
    <root>/aside/                                     files being written
    <root>/lock                                       held while bindings or passing queues change

A file appears by a rename, so nobody reads half of one, and is taken by an unlink, of which exactly
one succeeds, so nobody gets one twice and a taker that is killed leaves nothing behind.
"""

import fcntl
import heapq
import itertools
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote

SEEN = ".seen"
PASSING_SECONDS = 60.0
"""A passing queue (events for Flower, replies) whose consumer has not looked for so long is dropped with
its messages: a killed Flower would otherwise collect a file per event for ever."""

BATCH = 64
"""Names taken over from one listing. More would make every rival trip over names already gone."""

Binding = tuple[str, str, str]
"""Routing key, pattern (the exchange type's own form of the key), queue."""

_numbers = itertools.count()


class Spool:
    """The queues and bindings under one folder. Safe for threads and processes."""

    def __init__(self, root: Path) -> None:
        """Remember the folder; `prepare` makes it."""
        self.root = root
        self._queues = root / "queues"
        self._exchanges = root / "exchanges"
        self._aside = root / "aside"
        self._tables: dict[str, tuple[tuple[int, int], list[Binding]]] = {}

    def prepare(self) -> None:
        """Make the folders, and clear what killed processes left: dead passing queues, half-written files.

        Raises:
            OSError: the folder cannot be made or written.
        """
        for folder in (self._queues, self._exchanges, self._aside):
            folder.mkdir(parents=True, exist_ok=True)
        horizon = time.time() - PASSING_SECONDS
        for path in self._aside.iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < horizon:
                    path.unlink()
        for folder in self._queues.iterdir():
            self.drop_if_dead(unquote(folder.name))

    # -- messages

    def put(self, queue: str, message: bytes, *, create: bool) -> bool:
        """Append a message; False when the queue is absent and `create` is not set."""
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(_numbers):08d}"
        folder = self._folder(queue)
        aside = self._aside / name
        aside.write_bytes(message)
        for _ in range(2):
            try:
                aside.rename(folder / name)
                return True
            except FileNotFoundError:
                if not create:
                    break
                folder.mkdir(parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)
        return False

    def oldest(self, queue: str) -> list[str]:
        """The names of the oldest messages, a batch of them. An absent queue is an empty one."""
        return heapq.nsmallest(BATCH, self._names(queue))

    def take(self, queue: str, name: str) -> bytes | None:
        """The message, which is then this caller's alone; None when somebody else has it."""
        path = self._folder(queue) / name
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            try:
                path.unlink()
            except FileNotFoundError:
                return None
            return file.read()

    def size(self, queue: str) -> int:
        """How many messages wait."""
        return len(self._names(queue))

    def purge(self, queue: str) -> int:
        """Remove all messages; how many this call removed."""
        return sum(self.take(queue, name) is not None for name in self._names(queue))

    # -- passing queues

    def make_passing(self, queue: str) -> None:
        """Make a queue that is dropped when its consumer stops looking at it."""
        folder = self._folder(queue)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SEEN).touch()

    def seen(self, queue: str) -> bool:
        """Note that the consumer of a passing queue lives; False when the queue was dropped meanwhile."""
        try:
            os.utime(self._folder(queue) / SEEN)
        except FileNotFoundError:
            return False
        return True

    def drop_if_dead(self, queue: str) -> bool:
        """Drop a passing queue that nobody has looked at for `PASSING_SECONDS`; whether it was dropped."""
        try:
            age = time.time() - (self._folder(queue) / SEEN).stat().st_mtime
        except FileNotFoundError:
            return False  # a lasting queue: its messages are work, and wait as long as it takes
        if age < PASSING_SECONDS:
            return False
        self.drop(queue)
        return True

    def drop(self, queue: str) -> None:
        """Remove a queue, its messages and its bindings."""
        with self._locked():
            for path in self._exchanges.iterdir():
                exchange = unquote(path.name)
                left = [binding for binding in self.bindings(exchange) if binding[2] != queue]
                self._write_bindings(exchange, left)
            shutil.rmtree(self._folder(queue), ignore_errors=True)

    # -- bindings

    def bindings(self, exchange: str) -> list[Binding]:
        """What is bound to an exchange; read again only when the file has changed."""
        path = self._exchanges / _file_name(exchange)
        try:
            status = path.stat()
            version = (status.st_mtime_ns, status.st_ino)
            known = self._tables.get(exchange)
            if known is None or known[0] != version:
                table = [(key, pattern, queue) for key, pattern, queue in json.loads(path.read_bytes())]
                known = self._tables[exchange] = (version, table)
        except FileNotFoundError:
            return []
        return known[1]

    def bind(self, exchange: str, binding: Binding) -> None:
        """Add a binding, once."""
        with self._locked():
            bindings = self.bindings(exchange)
            if binding not in bindings:
                self._write_bindings(exchange, [*bindings, binding])

    def unbind(self, exchange: str, binding: Binding) -> None:
        """Take a binding away."""
        with self._locked():
            self._write_bindings(exchange, [each for each in self.bindings(exchange) if each != binding])

    def _write_bindings(self, exchange: str, bindings: list[Binding]) -> None:
        if bindings == self.bindings(exchange):
            return
        path = self._exchanges / _file_name(exchange)
        aside = self._aside / f"{os.getpid()}-{next(_numbers)}"
        aside.write_text(json.dumps(bindings))
        aside.rename(path)

    # -- inside

    def _folder(self, queue: str) -> Path:
        return self._queues / _file_name(queue)

    def _names(self, queue: str) -> list[str]:
        try:
            return [name for name in os.listdir(self._folder(queue)) if name != SEEN]  # noqa: PTH208 - polled
        except FileNotFoundError:
            return []

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # A lock of the open file, so that it holds between threads too, and ends with the process.
        with (self.root / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _file_name(name: str) -> str:
    # A dot in front would make `..` a folder of its own.
    quoted = quote(name, safe="")
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted or "%"
