"""The service as people run it, once on the embedded default and once on RabbitMQ, for the tests of this folder."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.development.service import service
from app.stack.whole import Stack
from docrelay import Client

WEBHOOK_SECRET = "a master secret for tests"


class Receiver:
    """A local HTTP server that keeps what it got; refuses the first tries to paths with `flaky` in them."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.refused = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                refuse = "flaky" in self.path and receiver.refused < 2
                receiver.refused += refuse
                if not refuse:
                    receiver.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(503 if refuse else 204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def payloads(self, path: str) -> list[dict[str, object]]:
        """What came to a path."""
        return [json.loads(body) for got, _, body in self.got if got == path]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Somebody who waits for notifications."""
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module", params=["embedded", "rabbitmq"])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole service."""
    home: Path = tmp_path_factory.mktemp(f"service-{request.param}")
    changes = {}
    if request.param == "rabbitmq":
        server = request.getfixturevalue("rabbitmq")
        changes = {"broker_url": server.url, "broker_api_url": server.api_url}
    with service(
        home,
        webhook_secret=WEBHOOK_SECRET,
        task_modules="tests.service.hostile_stage",
        retry_seconds=0.2,
        max_bytes=200_000,
        max_pages=20,
        max_text_chars=100_000,
        **changes,
    ) as running:
        yield running


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """A client of that service."""
    with Client(stack.database_url) as opened:
        yield opened
