"""What is sent, what comes back, and what every channel has in common."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pipelines.errors import PermanentError, TransientError


@dataclass(frozen=True, slots=True)
class Message:
    """One notification, ready for any channel.

    ``id`` and ``payload`` are the same at every try, so that a receiver can drop repeats. ``payload`` is
    ``{"type": event, "timestamp": ISO 8601, "data": {…}}``; the texts are made from it, for people.
    """

    id: str
    event: str
    payload: dict[str, Any]
    subject: str = ""
    text: str = ""
    html: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """It was taken. ``status_code`` is that of HTTP, ``excerpt`` the start of what the other side said."""

    status_code: int | None
    excerpt: str


class Channel(Protocol):
    """A way to reach one target. An object may be used for several messages, by one thread at a time."""

    def send(self, message: Message, *, now: datetime, timeout: float) -> Answer:
        """Send once, within ``timeout`` seconds; raises TryAgain or GiveUp."""
        ...


class Refusal:
    """What the other side said when it did not take a message; part of TryAgain and GiveUp."""

    status_code: int | None = None
    excerpt: str = ""
    retry_after: float | None = None
    """Seconds for which it asked to be left alone."""


class TryAgain(Refusal, TransientError):  # noqa: N818 - says what to do
    """Not delivered, and another try may succeed."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status_code: int | None = None,
        excerpt: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code, message)
        self.status_code = status_code
        self.excerpt = excerpt
        self.retry_after = retry_after


class GiveUp(Refusal, PermanentError):  # noqa: N818
    """Not delivered, and no other try will succeed unless somebody changes something."""

    def __init__(self, code: str, message: str, *, status_code: int | None = None, excerpt: str = "") -> None:
        super().__init__(code, message)
        self.status_code = status_code
        self.excerpt = excerpt
