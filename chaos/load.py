"""The load: documents are submitted one after another, as fast as the run allows, whatever breaks meanwhile."""

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from chaos.documents import Document
from docrelay import Client
from docrelay.errors import Unavailable

COLLECTION = "chaos"

REFUSED_SECONDS = 0.2

TWICE_EVERY = 10
"""Of so many documents, one is submitted twice."""

SPARE = "The pump was checked, the valve was oiled, and nobody was told. " * 40


class Load:
    """Submits documents from a thread of its own and keeps account of what was accepted."""

    def __init__(self, documents: Sequence[Document], *, receiver: str) -> None:
        """Have these documents ready; whoever wants to know their outcome listens at `receiver`."""
        self._documents = list(documents)
        self.receiver = receiver
        self._next = 0
        self._allowed = 0
        self._working = False
        self._submitted = 0
        self._lock = threading.Lock()
        self._more = threading.Semaphore(0)
        self.accepted: dict[uuid.UUID, str] = {}
        """Jobs that `submit` returned, and the name of each one's document."""
        self.wanted_by = 0
        """Faults that wait for a service that is at work."""
        self.spare = 0
        """Documents that were made since none was left."""
        self.refused = 0
        """Times that `submit` said that database or storage cannot be used; the document was submitted again."""

    @property
    def left(self) -> int:
        """Documents that are not yet taken."""
        return len(self._documents) - self._next

    @property
    def pending(self) -> bool:
        """Whether a document that may be submitted has not been accepted yet."""
        with self._lock:
            return self._working or self._next < self._allowed

    def begin(self, url: str, storage_url: str) -> None:
        """Submit to the service whose database is at `url`, from now on, as many as are allowed."""
        threading.Thread(target=self._run, args=(url, storage_url), name="load", daemon=True).start()

    @contextmanager
    def hungry(self) -> Iterator[None]:
        """Say that a fault needs a service that is at work, until the block ends."""
        with self._lock:
            self.wanted_by += 1
        try:
            yield
        finally:
            with self._lock:
                self.wanted_by -= 1

    def feed(self, count: int) -> None:
        """Submit so many more; documents that were not planned are made when none is left."""
        with self._lock:
            missing = count - (len(self._documents) - self._allowed)
            for _ in range(missing):
                self.spare += 1
                self._documents.append((f"spare-{self.spare}.md", f"# Spare {self.spare}\n\n{SPARE}".encode()))
        self.allow(count)

    def allow(self, count: int) -> None:
        """Submit so many more of those that were planned."""
        with self._lock:
            count = min(count, len(self._documents) - self._allowed)
            self._allowed += count
        if count:
            self._more.release(count)

    def take(self, count: int) -> list[Document]:
        """Documents for somebody else to submit, who tells `note` what was accepted."""
        taken: list[Document] = []
        with self._lock:
            while len(taken) < count and self._next < len(self._documents):
                taken.append(self._documents[self._next])
                self._next += 1
        return taken

    def note(self, job_id: uuid.UUID, name: str) -> None:
        """A job was accepted."""
        with self._lock:
            self.accepted[job_id] = name

    def finish(self, seconds: float) -> bool:
        """Submit all that is left; whether it was all accepted in this time."""
        self.allow(len(self._documents))
        give_up = time.monotonic() + seconds
        while (missing := self._not_accepted()) and time.monotonic() < give_up:
            time.sleep(0.05)
        return not missing

    def _not_accepted(self) -> set[str]:
        with self._lock:
            return {name for name, _ in self._documents} - set(self.accepted.values())

    def _run(self, url: str, storage_url: str) -> None:
        with Client(url, storage_url=storage_url) as client:
            while True:
                self._more.acquire()
                self._working = True
                for name, data in self.take(1):
                    self._submit(client, name, data)
                self._working = False

    def _submit(self, client: Client, name: str, data: bytes) -> None:
        self._submit_once(client, name, data, key=name)
        self._submitted += 1
        if self._submitted % TWICE_EVERY == 0:
            # The first job is under way: this one has to wait behind it.
            self._submit_once(client, name, data, key=f"{name} again")

    def _submit_once(self, client: Client, name: str, data: bytes, *, key: str) -> None:
        while True:
            try:
                # The key is unique in a run, and asking again under the same one cannot make a second job.
                job = client.submit(data, name=name, collection=COLLECTION, key=key, notify=[self.receiver])
            except Unavailable:
                self.refused += 1
                time.sleep(REFUSED_SECONDS)  # the storage may refuse at once
            else:
                self.note(job.id, name)
                return
