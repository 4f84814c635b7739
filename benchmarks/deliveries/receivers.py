"""Receivers that fail, hang, reset, drip, flood and leave, at random; they note everything."""

import http.server
import random
import socket
import struct
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from standardwebhooks import Webhook, WebhookVerificationError

from app.receivers import secret_for

BEHAVIOURS = {
    "204": 60.0,
    "500": 12.0,
    "503": 6.0,
    "429 with Retry-After": 5.0,
    "connection reset": 5.0,
    "answer dripped until the time-out": 0.3,
    "hangs until the time-out": 0.3,
    "200, slow bytes": 5.0,
    "200, endless body": 4.0,
    "404": 2.0,
    "302 to the metadata service": 0.2,
    "410": 0.2,
}
"""Weights; the first and the two that begin with 200 take the message, the last two end it."""

TAKES = ("204", "200, slow bytes", "200, endless body")
ENDS = ("302 to the metadata service", "410")
LONGEST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """One that came in."""

    at: float
    target: str
    id: str
    body: bytes
    verified: bool
    behaviour: str


@dataclass(slots=True)
class Receivers:
    """Some servers, each with some targets; a context manager."""

    master: str
    seed: int
    servers: int = 4
    targets_each: int = 5
    requests: list[Request] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    _running: list[http.server.ThreadingHTTPServer] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        """Listen."""
        dice = random.Random(self.seed)
        for _ in range(self.servers):
            server = _Server(("127.0.0.1", 0), _handler(self, random.Random(dice.random())))
            self._running.append(server)
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
            base = f"http://127.0.0.1:{server.server_port}"
            self.targets += [f"{base}/hook-{number}" for number in range(self.targets_each)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        for server in self._running:
            server.shutdown()
            server.server_close()

    def note(self, target: str, body: bytes, headers: dict[str, str], behaviour: str) -> None:
        """Keep a request, checked by the reference library."""
        try:
            Webhook(secret_for(self.master, target)).verify(body, headers)
            verified = True
        except WebhookVerificationError:
            verified = False
        with self._lock:
            now = time.monotonic()
            self.requests.append(Request(now, target, headers.get("webhook-id", ""), body, verified, behaviour))

    def counts(self) -> Counter[str]:
        """How often each behaviour was met."""
        return Counter(request.behaviour for request in self.requests)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """Senders that are killed leave broken connections; that is the point."""


def _handler(  # noqa: C901 - a class with a method for each mood
    receivers: Receivers, dice: random.Random
) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            behaviour = dice.choices(list(BEHAVIOURS), list(BEHAVIOURS.values()))[0]
            # Noted before it is answered: what the sender has seen, we have.
            receivers.note(f"http://{headers['host']}{self.path}", body, headers, behaviour)
            self.close_connection = True
            with suppress(OSError):
                self._behave(behaviour)

        def _behave(self, behaviour: str) -> None:
            special = {
                "connection reset": self._reset,
                "hangs until the time-out": self._hang,
                "answer dripped until the time-out": self._drip,
                "200, slow bytes": self._dawdle,
                "200, endless body": self._flood,
            }.get(behaviour)
            if special:
                special()
            else:
                self._answer(int(behaviour[:3]))

        def _reset(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

        def _hang(self) -> None:
            self._until_gone(b"")

        def _drip(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nx-drip: ")
            self._until_gone(b".")

        def _dawdle(self) -> None:
            self._answer(200, length=8)
            for _ in range(8):
                self.wfile.write(b".")
                time.sleep(0.1)

        def _flood(self) -> None:
            self._answer(200, length=1 << 40)
            while True:
                self.wfile.write(b"x" * 65_536)

        def _until_gone(self, piece: bytes) -> None:
            deadline = time.monotonic() + LONGEST_SECONDS
            while time.monotonic() < deadline:
                time.sleep(0.2)
                self.wfile.write(piece)

        def _answer(self, status: int, length: int = 0) -> None:
            self.send_response(status)
            self.send_header("content-length", str(length))
            if status == 429:
                self.send_header("retry-after", "1")
            if status == 302:
                self.send_header("location", "http://169.254.169.254/latest/meta-data/")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    return Handler
