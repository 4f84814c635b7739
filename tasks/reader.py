"""A document process that reads pictures of pages: a page that kills it costs that page alone."""

from dataclasses import dataclass
from typing import Any

from app.isolation import CallFailed, DocumentProcess, Limits, NotReady, WorkRefused
from app.work import Work
from docrelay.names import ErrorClass
from pipelines.ocr.recognise import Recognised
from tasks.isolated.ocr import Facts

PAGES_PER_PROCESS = 500
"""A process is replaced after so many calls: C libraries leak a little."""


class Unreadable(Exception):  # noqa: N818
    """This page cannot be read; says why in a clause. Others may."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A document whose pages are to be read."""

    data: bytes
    media_type: str
    password: str | None = None


class PageReader:
    """One process, one document at a time."""

    def __init__(self, languages: str, memory_mb: int) -> None:
        """Prepare; the process starts with the first call."""
        self._process = DocumentProcess("tasks.isolated.ocr", [languages], memory_mb=memory_mb)
        self.open(Opened(b"", ""))

    def facts(self, work: Work) -> Facts:
        """What reads the pages, or what is missing."""
        if self._process.calls > PAGES_PER_PROCESS:
            self._process.kill()
        facts: Facts = self._call(work, "facts", {}, Facts)
        return facts

    def open(self, document: Opened) -> None:
        """Let `page` read pages of this document."""
        self._document = document
        self._ready = False
        self._closed_for: str | None = None

    def page(self, work: Work, number: int) -> Recognised:
        """Read a page of the open document.

        Raises:
            Unreadable: it cannot be drawn, took too long or too much memory, or crashed the process.
        """
        if self._closed_for:
            raise Unreadable(self._closed_for)
        if not self._ready:
            self._open(work)
        try:
            read: Recognised = self._call(work, "page", {"number": number}, Recognised)
        except (CallFailed, NotReady) as error:
            raise self._unreadable(error) from error
        return read

    def kill(self) -> None:
        """End the process."""
        self._process.kill()

    def _open(self, work: Work) -> None:
        document = self._document
        arguments = {"data": document.data, "media_type": document.media_type, "password": document.password}
        try:
            self._call(work, "open", arguments, type(None))
        except (CallFailed, NotReady) as error:
            # Nor will it open for the next page: trying that again for each would take for ever.
            unreadable = self._unreadable(error)
            self._closed_for = str(unreadable)
            raise unreadable from error
        self._ready = True

    def _unreadable(self, error: Exception) -> Unreadable:
        # A refusal leaves the process as good as it was, unless it ran out of memory.
        if not isinstance(error, WorkRefused) or error.refusal.error_class == ErrorClass.POISON:
            self._process.kill()
            self._ready = False
        return Unreadable(str(error))

    def _call(self, work: Work, name: str, arguments: dict[str, Any], reply: type[Any]) -> Any:
        # The stage's limit on silence is the limit on one page: between two there is progress.
        limits = Limits(work.claim.silence, work.claim.silence, work.claim.memory_mb)
        return self._process.call(name, arguments, reply, limits, work)
