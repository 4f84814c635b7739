"""The load: documents are submitted one after another, as fast as the run allows, whatever breaks meanwhile."""

import threading
import time
import uuid
from collections.abc import Sequence

from chaos.documents import Document
from docrelay import Client
from docrelay.errors import Unavailable

COLLECTION = "chaos"


class Load:
    """Submits documents from a thread of its own and keeps account of what was accepted."""

    def __init__(self, documents: Sequence[Document], *, receiver: str) -> None:
        """Have these documents ready; whoever wants to know their outcome listens at `receiver`."""
        self._documents = list(documents)
        self.receiver = receiver
        self._next = 0
        self._allowed = 0
        self._lock = threading.Lock()
        self._more = threading.Semaphore(0)
        self.accepted: dict[uuid.UUID, str] = {}
        """Jobs that `submit` returned, and the name of each one's document."""
        self.refused = 0
        """Times that `submit` said the database cannot be reached; the document was submitted again."""

    @property
    def left(self) -> int:
        """Documents that are not yet taken."""
        return len(self._documents) - self._next

    def begin(self, url: str) -> None:
        """Submit to the service whose database is at `url`, from now on, as many as are allowed."""
        threading.Thread(target=self._run, args=(url,), name="load", daemon=True).start()

    def allow(self, count: int) -> None:
        """Submit so many more."""
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

    def _run(self, url: str) -> None:
        with Client(url) as client:
            while True:
                self._more.acquire()
                for name, data in self.take(1):
                    self._submit(client, name, data)

    def _submit(self, client: Client, name: str, data: bytes) -> None:
        while True:
            try:
                # The name is unique in a run, and asking again under the same key cannot make a second job.
                job = client.submit(data, name=name, collection=COLLECTION, key=name, notify=[self.receiver])
            except Unavailable:
                self.refused += 1
            else:
                self.note(job.id, name)
                return
