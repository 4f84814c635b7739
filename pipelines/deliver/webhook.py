"""One signed POST by the Standard Webhooks scheme."""

import asyncio
import json
import ssl
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache

import httpcore
import httpx
from standardwebhooks import webhooks

from pipelines.deliver.addresses import Allowed
from pipelines.deliver.connecting import Blocked, CheckedBackend
from pipelines.deliver.message import Answer, GiveUp, Message, TryAgain
from pipelines.parse.clean import clean_line

# Of the answer only this much is read: enough to see an error message, nothing to fill memory with.
_EXCERPT_BYTES = 1024
_LONGEST_URL = 4096
LONGEST_RETRY_AFTER = 24 * 3600.0

_Exchange = tuple[int, dict[bytes, bytes], str]


class Webhook:
    """A target that takes webhooks.

    ``secrets`` are ``whsec_…`` texts; the message is signed with each, so that a receiver can verify with an old one
    and a new one while they are changed. No redirect is followed, no proxy of the environment used.
    """

    def __init__(self, url: str, *, secrets: Sequence[str], allowed: Allowed) -> None:
        self._url = _checked(url)
        self._secrets = secrets
        self._allowed = allowed

    def send(self, message: Message, *, now: datetime, timeout: float) -> Answer:
        """POST the payload; ``timeout`` seconds bound the whole exchange.

        Raises TryAgain (``unreachable``, ``timeout``, ``refused``) and GiveUp (``blocked`` for an address that is not
        allowed, ``gone`` for 410, ``redirected``, ``bad_secret``).
        """
        shown = _shown(self._url)
        body = json.dumps(message.payload, ensure_ascii=False, separators=(",", ":")).encode()
        headers = self._headers(message.id, body, now.astimezone(UTC))
        try:
            exchange = _run(_post(self._url, body, headers, self._allowed, timeout))
        except Blocked as error:
            raise GiveUp("blocked", f"{shown} is not allowed: {error}; see DOCRELAY_DELIVERY_ALLOW.") from error
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise TryAgain("timeout", f"{shown} did not answer within {timeout:g} s.") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            why = clean_line(str(error), 200) or type(error).__name__
            raise TryAgain("unreachable", f"{shown} cannot be reached: {why}.") from error
        return _judged(exchange, shown, now)

    def _headers(self, message_id: str, body: bytes, moment: datetime) -> dict[str, str]:
        try:
            # `moment` is UTC: the library takes any datetime for that.
            signatures = [webhooks.Webhook(secret).sign(message_id, moment, body.decode()) for secret in self._secrets]
        except (webhooks.EmptyWebhookSecretError, ValueError) as error:
            raise GiveUp("bad_secret", f"The target's secret cannot be used: {error}.") from error
        if not signatures:
            raise GiveUp("bad_secret", "The target has no secret.")
        return {
            "host": self._url.netloc.decode("ascii"),
            "content-type": "application/json",
            "content-length": str(len(body)),
            "user-agent": "docrelay",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": " ".join(signatures),
        }


def _checked(url: str) -> httpx.URL:
    if len(url) > _LONGEST_URL or not url.isprintable() or any(character.isspace() for character in url):
        # A line break would begin a header of the sender's choice.
        raise GiveUp("bad_url", "The target is not a URL: it is too long, or has spaces or control characters in it.")
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise GiveUp("bad_url", f"The target is not a URL: {error}.") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise GiveUp("bad_url", f"The target {_shown(parsed)} must be an http or https URL with a host.")
    if parsed.userinfo:
        raise GiveUp(
            "bad_url", f"The target {_shown(parsed)} has a user or password in it; receivers check signatures."
        )
    return parsed


async def _post(url: httpx.URL, body: bytes, headers: dict[str, str], allowed: Allowed, timeout: float) -> _Exchange:
    # Asynchronous for one reason: only so can a limit on the whole exchange end a receiver that drips its answer.
    # httpcore, since httpx has no public way to connect to an address of ours under the name of the target.
    pool = httpcore.AsyncConnectionPool(ssl_context=_tls(), network_backend=CheckedBackend(allowed), http2=False)
    target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    seconds = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), timeout)}
    async with (
        asyncio.timeout(timeout),
        pool,
        pool.stream("POST", target, headers=list(headers.items()), content=body, extensions=seconds) as response,
    ):
        read = bytearray()
        async for part in response.aiter_stream():  # raw: a compressed bomb stays compressed
            read += part[:_EXCERPT_BYTES]
            if len(read) >= _EXCERPT_BYTES:
                break
        said = {name.lower(): value for name, value in response.headers}
        excerpt = clean_line(bytes(read[:_EXCERPT_BYTES]).decode("utf-8", "replace"), _EXCERPT_BYTES)
        return response.status, said, excerpt


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


def _judged(exchange: _Exchange, shown: str, now: datetime) -> Answer:
    """Any 2xx is taken for a yes; every other answer but 410 and redirects may change within hours."""
    status, headers, excerpt = exchange
    if 200 <= status < 300:
        return Answer(status, excerpt)
    if status == 410:
        raise GiveUp("gone", f"{shown} answered 410: it wants no more.", status_code=status, excerpt=excerpt)
    if 300 <= status < 400:
        why = f"{shown} answered {status}, a redirect, which is not followed."
        raise GiveUp("redirected", why, status_code=status, excerpt=excerpt)
    said = f": {excerpt[:200]}" if excerpt else ""
    raise TryAgain(
        "refused",
        f"{shown} answered {status}{said}.",
        status_code=status,
        excerpt=excerpt,
        retry_after=retry_after(headers.get(b"retry-after", b"").decode("latin-1"), now),
    )


def retry_after(value: str, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or a date; at most a day, None if it says nothing."""
    try:
        seconds = float(value) if value.strip().isdigit() else (parsedate_to_datetime(value) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER)


def _shown(url: httpx.URL) -> str:
    """The URL without what may be secret in it: user, password and query."""
    return str(url.copy_with(userinfo=b"", query=None, fragment=None))
