"""One try at one notification: may it go now, how it went, what its rows say then."""

import random
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, RowMapping

from app.receivers import secrets_for
from app.runtime import engine, policy
from config.notifications import notifications
from config.settings import settings
from docrelay.database import transact
from docrelay.names import DeliveryStatus
from docrelay.transitions import deliveries, receivers
from docrelay.transitions.deliveries import Tried
from pipelines.deliver import (
    Allowed,
    Answer,
    Channel,
    GiveUp,
    MailServer,
    Message,
    Surroundings,
    TryAgain,
    open_channel,
    renderer,
)

TIMEOUT_SECONDS = 10.0
BUSY_SECONDS = 1.0
LONGEST_PAUSE = 3600.0


class Lanes:
    """How many notifications are on their way to one server; a server that hangs gets half of the slots, not all."""

    def __init__(self, most: int) -> None:
        """At most so many at once to each."""
        self._most = most
        self._busy: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def lane(self, target: str) -> Iterator[bool]:
        """Whether one is free; it is taken for the length of the block."""
        server = _server(target)
        with self._lock:
            free = self._busy[server] < self._most
            self._busy[server] += free
        try:
            yield free
        finally:
            with self._lock:
                self._busy[server] -= free
                if not self._busy[server]:
                    del self._busy[server]


def _server(target: str) -> str:
    """What targets have in common that hang together."""
    parts = urlsplit(target)
    return parts.netloc.lower() or parts.scheme or target


@cache
def lanes() -> Lanes:
    """The lanes of this process."""
    return Lanes(max(1, settings().notify_concurrency // 2))


def send(row: RowMapping, sender: str, among: Lanes | None = None) -> bool:
    """Try a delivery that is due; whether the next of its line may go: this one is delivered or given up.

    `among` are the lanes of those who send here, if they are not the notify worker's.

    Raises:
        Unavailable: the database cannot be reached; the delivery may be sent once more, with the same id.
    """
    with (among or lanes()).lane(row["target"]) as free:
        if not free:
            return _put_off(row, BUSY_SECONDS, "its server is busy with others")
        closed = transact(engine(), lambda connection: receivers.gate(connection, row["target"]))
        if closed is not None:
            seconds, because = closed
            return _put_off(row, seconds, f"left alone for {seconds:.0f} s: {because}")
        return _tried(row, sender)


def _put_off(row: RowMapping, seconds: float, because: str) -> bool:
    pause = seconds + policy().pause(0)  # not all at one moment
    transact(engine(), lambda connection: deliveries.put_off(connection, row["id"], pause, because))
    return False


def _tried(row: RowMapping, sender: str) -> bool:
    now = datetime.now(UTC)
    begun = monotonic()
    refusal: TryAgain | GiveUp | None = None
    answer = Answer(None, "")
    try:
        answer = channel(row["target"]).send(message(row), now=now, timeout=TIMEOUT_SECONDS)
    except (TryAgain, GiveUp) as error:
        refusal = error
    except Exception as error:  # noqa: BLE001 - a channel of somebody's own may raise anything
        refusal = TryAgain("broken_channel", f"The channel failed: {type(error).__name__}: {error}")
    tried = Tried(
        at=now,
        seconds=monotonic() - begun,
        sender=sender,
        status_code=refusal.status_code if refusal else answer.status_code,
        answer=refusal.excerpt if refusal else answer.excerpt,
        error=refusal.message if refusal else None,
        final=isinstance(refusal, GiveUp),
    )
    status = transact(engine(), lambda connection: _note(connection, row, tried, refusal))
    return status is not DeliveryStatus.PENDING


def _note(
    connection: Connection, row: RowMapping, tried: Tried, refusal: TryAgain | GiveUp | None
) -> DeliveryStatus | None:
    pause = 0.0
    if refusal is None:
        receivers.answered(connection, row["target"])
    elif isinstance(refusal, TryAgain):
        alone = receivers.failed(connection, row["target"], refusal.message, alone=refusal.retry_after)
        pause = max(pause_after(row["tries"]), alone, refusal.retry_after or 0)
    patience = settings().delivery_hours * 3600
    return deliveries.note(connection, row["id"], tried, pause=pause, patience=patience)


def pause_after(tries: int) -> float:
    """Seconds until the next try: doubling from DOCRELAY_RETRY_SECONDS to an hour, less up to a half, by chance."""
    longest = min(LONGEST_PAUSE, policy().retry_seconds * 2.0 ** min(tries, 30))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads tries, guards nothing


def message(row: Mapping[Any, Any]) -> Message:
    """The notification as channels want it: the same at every try."""
    payload: dict[str, Any] = {**row["payload"], "timestamp": row["created_at"].isoformat()}
    texts = renderer(settings().template_folder).render(payload)
    return Message(str(row["id"]), row["event"], payload, texts.subject, texts.text, texts.html)


def channel(target: str) -> Channel:
    """How to reach a target; raises TryAgain and GiveUp."""
    name = target if target.startswith("@") else ""
    named = notifications().targets.get(name[1:]) if name else None
    if name and named is None:
        raise TryAgain("unknown_target", f"No target is called {name} in DOCRELAY_NOTIFY_FILE of the notify workers.")
    url = named.url if named else target
    return open_channel(url, surroundings(), secrets=lambda: _secrets(url, named.secrets if named else ()), name=name)


def _secrets(url: str, own: tuple[str, ...]) -> list[str]:
    if own:
        return list(own)
    try:
        return secrets_for(settings(), url)
    except ValueError as error:
        # The operator's mistake, not the receiver's: what was to be sent waits until it is mended.
        raise TryAgain("no_secret", f"{error}: set DOCRELAY_WEBHOOK_SECRET for the notify workers") from error


@cache
def surroundings() -> Surroundings:
    """What this process's settings say about where to connect to."""
    url = settings().smtp_url.get_secret_value()
    server = MailServer.of(url, settings().mail_from) if url else None
    return Surroundings(Allowed.of(settings().delivery_allow.split(",")), server)
