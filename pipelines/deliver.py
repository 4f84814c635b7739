"""Sends one signed notification by the Standard Webhooks scheme."""

import asyncio
import ssl
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from time import monotonic

import httpx
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from pipelines.errors import PermanentError, TransientError
from pipelines.parse.clean import clean_line

__all__ = ["Answer", "Target", "deliver"]

# Of the answer only this much is read: enough to see an error message, nothing to fill memory with.
_EXCERPT_BYTES = 1024
# These client errors pass by themselves: a time-out, a request that came too early, a limit on requests.
_TRANSIENT_STATUS = frozenset({408, 425, 429})


_Exchange = tuple[httpx.Response, str]


@dataclass(frozen=True, slots=True)
class Target:
    """Where to deliver, and the ``whsec_…`` secret that the receiver checks the signature with."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer; ``seconds`` is what the whole exchange took, ``excerpt`` the start of the answer's body."""

    status_code: int
    seconds: float
    excerpt: str


def deliver(target: Target, payload: bytes, *, message_id: str, timestamp: datetime, timeout: float = 10) -> Answer:
    """POST a JSON payload, signed; no redirect is followed and ``timeout`` seconds bound the whole exchange.

    Raises TransientError (``unreachable``, ``timeout``, ``refused`` for 5xx, 408, 425 and 429) when another attempt may
    succeed, and PermanentError (``bad_url``, ``gone`` for 410, ``rejected`` for every other status) when none will.
    """
    url = _checked(target.url)
    headers = _headers(target.secret, payload, message_id, timestamp)
    started = monotonic()
    try:
        response, excerpt = _run(_post(url, payload, headers, timeout))
    except (TimeoutError, httpx.TimeoutException) as error:
        raise TransientError("timeout", f"{_shown(url)} did not answer within {timeout:g} s.") from error
    except httpx.TransportError as error:
        raise TransientError(
            "unreachable", f"{_shown(url)} cannot be reached: {clean_line(str(error), 200) or type(error).__name__}."
        ) from error
    _check_status(response.status_code, url, excerpt)
    return Answer(response.status_code, monotonic() - started, excerpt)


def _checked(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise PermanentError("bad_url", f"The target is not a URL: {error}.") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise PermanentError("bad_url", f"The target {_shown(parsed)} must be an http or https URL with a host.")
    return parsed


def _headers(secret: str, payload: bytes, message_id: str, timestamp: datetime) -> dict[str, str]:
    moment = timestamp.astimezone(UTC)  # the library takes any datetime for UTC
    try:
        signature = Webhook(secret).sign(message_id, moment, payload.decode())
    except (EmptyWebhookSecretError, ValueError) as error:
        raise PermanentError("bad_secret", f"The target's secret or payload cannot be signed: {error}.") from error
    return {
        "content-type": "application/json",
        "user-agent": "docrelay",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature,
    }


async def _post(url: httpx.URL, payload: bytes, headers: dict[str, str], timeout: float) -> _Exchange:
    # Asynchronous for one reason: only so can a limit on the whole exchange end a receiver that drips its answer.
    async with (
        asyncio.timeout(timeout),
        httpx.AsyncClient(verify=_tls(), timeout=timeout, follow_redirects=False) as client,
        client.stream("POST", url, content=payload, headers=headers) as response,
    ):
        read = bytearray()
        async for part in response.aiter_raw(_EXCERPT_BYTES):  # raw: a compressed bomb stays compressed
            read += part
            if len(read) >= _EXCERPT_BYTES:
                break
        return response, clean_line(bytes(read[:_EXCERPT_BYTES]).decode("utf-8", "replace"), _EXCERPT_BYTES)


def _run(exchange: Coroutine[None, None, _Exchange]) -> _Exchange:
    """Run to the end or the limit; ``asyncio.run`` would wait beyond it for a name server that does not answer."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(exchange)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


@cache
def _tls() -> ssl.SSLContext:
    """Loading the certificates takes longer than a delivery does."""
    return httpx.create_ssl_context()


def _check_status(status: int, url: httpx.URL, excerpt: str) -> None:
    if 200 <= status < 300:
        return
    said = f": {excerpt[:200]}" if excerpt else ""
    if status >= 500 or status in _TRANSIENT_STATUS:
        raise TransientError("refused", f"{_shown(url)} answered {status}{said}.")
    if status == 410:
        raise PermanentError("gone", f"{_shown(url)} answered 410: it wants no more notifications.")
    if 300 <= status < 400:
        raise PermanentError("rejected", f"{_shown(url)} answered {status}, a redirect, which is not followed.")
    raise PermanentError("rejected", f"{_shown(url)} answered {status}{said}.")


def _shown(url: httpx.URL) -> str:
    """The URL without what may be secret in it: user, password and query."""
    return str(url.copy_with(userinfo=b"", query=None, fragment=None))
