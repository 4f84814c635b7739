"""A receiver of notifications, as somebody who waits for documents would write it."""

import http.server
import json
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from standardwebhooks import Webhook, WebhookVerificationError

from app.receivers import secret_for

LONGEST_BODY = 1_000_000
WELCOME = "job.succeeded"


@dataclass(frozen=True, slots=True)
class Received:
    """One request that came in."""

    id: str
    verified: bool
    answered: int
    event: str
    document: str


class Receiver:
    """Listens on loopback, checks every signature, and refuses the first success; use as a context manager."""

    def __init__(self, master: str) -> None:
        """Listen from now on; `master` is the service's secret, from which this receiver's own is derived."""
        self.received: list[Received] = []
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._webhook = Webhook(secret_for(master, self.url))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="receiver", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        """Check and note a request; the status to answer with."""
        try:
            self._webhook.verify(body, headers)
            verified = True
        except WebhookVerificationError:
            verified = False
        payload = json.loads(body)
        with self._lock:
            answered = self._answer(payload["type"], verified=verified)
            self.received.append(
                Received(headers["webhook-id"], verified, answered, payload["type"], payload["data"]["document"])
            )
        return answered

    def _answer(self, event: str, *, verified: bool) -> int:
        if not verified:
            return 401
        if event == WELCOME and all(one.event != event for one in self.received):
            return 503  # one bad moment of a receiver: the service has to come back
        return 204

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = min(int(self.headers.get("content-length", 0)), LONGEST_BODY)
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(receiver.take(self.rfile.read(length), headers))
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """The demo shows what came in; the usual lines on stderr would spoil it."""

        return Handler
