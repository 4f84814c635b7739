"""The service as people run it, once on the embedded default and once on RabbitMQ, for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.development import receiver as receivers
from app.development.service import service
from app.stack.whole import Stack
from docrelay import Client

WEBHOOK_SECRET = "a master secret for tests"


class Receiver(receivers.Receiver):
    """Keeps what it got; refuses the first tries to `/flaky`."""

    def __init__(self) -> None:
        super().__init__(WEBHOOK_SECRET)
        self.url = self.at("")
        self.behave((503, {}, b""), (503, {}, b""), receivers.TAKEN, path="/flaky")

    @property
    def got(self) -> list[tuple[str, dict[str, str], bytes]]:
        """Path, headers and body of what was taken."""
        return [(each.path, each.headers, each.body) for each in self.requests if each.answered == 204]

    def payloads(self, path: str) -> list[dict[str, object]]:
        """What came to a path."""
        return [each.payload for each in self.requests if each.path == path and each.answered == 204]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Somebody who waits for notifications."""
    with Receiver() as receiver:
        yield receiver


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
