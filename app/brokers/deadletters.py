"""Reading what workers refused, so that the sweep can make rows of it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kombu import Connection

from app.errors import BrokerUnavailable
from docrelay.names import DEAD_LETTER_QUEUE


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One refused message, as it was."""

    body: bytes
    headers: dict[str, Any]
    """The headers with nothing in them that JSON cannot hold; `task`, `id`, `root_id` when Celery sent it."""
    content_type: str
    queue: str
    """Where it was before, or an empty text when nobody says."""
    reason: str
    """RabbitMQ's word: rejected, delivery_limit, expired, maxlen; empty when nobody says."""


def drain_dead_letters(connection: Connection, limit: int, seconds: float) -> Iterator[DeadLetter]:
    """Yield at most `limit` dead letters, for at most `seconds`; each leaves the queue when the next is asked for.

    So the caller stores a letter inside its loop: should that fail, the letter stays where it is.

    Raises:
        BrokerUnavailable: the broker does not answer, or there is no dead-letter queue.
    """
    end = time.monotonic() + seconds
    try:
        with connection.channel() as channel:
            channel.auto_decode = False  # a body that is not what it claims to be is what this is about
            for _ in range(limit):
                raw = channel.basic_get(DEAD_LETTER_QUEUE) if time.monotonic() < end else None
                if raw is None:
                    return
                message = channel.message_to_python(raw)
                yield _letter(message)
                message.ack()
    except (*connection.connection_errors, *connection.channel_errors) as error:
        raise BrokerUnavailable(f"dead letters cannot be read: {error or type(error).__name__}") from error


def _letter(message: Any) -> DeadLetter:
    body = message.body if message.body is not None else b""
    headers = _json(message.headers)
    deaths = headers.get("x-death") or [{}]
    return DeadLetter(
        body=body.encode() if isinstance(body, str) else bytes(body),
        headers=headers,
        content_type=message.content_type or "",
        queue=str(deaths[0].get("queue", "")),
        reason=str(deaths[0].get("reason", "")),
    )


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_json(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return value if isinstance(value, str | int | float | bool | None) else str(value)
