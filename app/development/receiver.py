"""A receiver of webhooks that answers as it is told: for tests, the demo and the fault harness."""

import http.server
import json
import threading
from collections import defaultdict
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from standardwebhooks import Webhook, WebhookVerificationError

from app.receivers import secret_for

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""

TAKEN: Answer = (204, {}, b"")
LONGEST_BODY = 1_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """One that came in, and what it was answered."""

    path: str
    headers: dict[str, str]
    body: bytes
    verified: bool
    answered: int

    @property
    def id(self) -> str:
        """The notification's, the same at every try."""
        return self.headers.get("webhook-id", "")

    @property
    def payload(self) -> dict[str, Any]:
        """The body, read."""
        loaded: dict[str, Any] = json.loads(self.body)
        return loaded

    @property
    def event(self) -> str:
        """What it tells of."""
        return str(self.payload["type"])

    @property
    def document(self) -> str:
        """The document's name, if it tells of one."""
        return str(self.payload["data"].get("document", ""))


class Receiver:
    """Listens on loopback and keeps what comes in; checks signatures by the reference library. A context manager."""

    def __init__(self, master: str = "master") -> None:
        self.requests: list[Request] = []
        self._master = master
        self._secrets: dict[str, str] = {}
        self._answers: dict[str, list[Answer]] = defaultdict(list)
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = self.at("/")

    def at(self, path: str) -> str:
        """The URL of a path."""
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def behave(self, *answers: Answer, path: str | None = None) -> None:
        """Answer so from now on, one after the other, then as the last; on all other paths if none is given."""
        with self._lock:
            self._answers[path or ""] = list(answers)

    def trust(self, path: str, secret: str) -> None:
        """Check what comes to a path with this secret, not the one derived from the master's."""
        self._secrets[path] = secret

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="receiver", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Check and note a request; what to answer."""
        with self._lock:
            verified = self._verified(path, body, headers)
            answer = self.answer(path, body, verified=verified)
            self.requests.append(Request(path, headers, body, verified, answer[0]))
            return answer

    def answer(self, path: str, body: bytes, *, verified: bool) -> Answer:
        """What to answer: as `behave` said. One who knows better overrides this."""
        del body, verified
        answers = self._answers.get(path) or self._answers.get("") or [TAKEN]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def _verified(self, path: str, body: bytes, headers: dict[str, str]) -> bool:
        try:
            Webhook(self._secrets.get(path) or secret_for(self._master, self.at(path))).verify(body, headers)
        except WebhookVerificationError:
            return False
        return True

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(min(int(self.headers.get("content-length", 0)), LONGEST_BODY))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, more, said = receiver.take(self.path, body, headers)
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        return Handler
