"""One service on a real RabbitMQ and a real Postgres, with short leases, for all fault tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.development.server import RabbitMQ
from app.development.service import service
from app.stack.whole import Stack
from docrelay import Client

LEASE_SECONDS = 4.0
SWEEP_SECONDS = 0.5
AGAIN_SECONDS = 4.0


@pytest.fixture(scope="module")
def stack(rabbitmq: RabbitMQ, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The service, with its own Postgres, on the session's RabbitMQ."""
    home: Path = tmp_path_factory.mktemp("service")
    with service(
        home,
        broker_url=rabbitmq.url,
        broker_api_url=rabbitmq.api_url,
        lease_seconds=LEASE_SECONDS,
        sweep_seconds=SWEEP_SECONDS,
        announce_again_seconds=AGAIN_SECONDS,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[Client]:
    """A client of that service."""
    with Client(stack.database_url) as opened:
        yield opened
