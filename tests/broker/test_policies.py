"""Each RabbitMQ gets the policies that it knows; what an older one does not know, it refuses whole."""

from typing import Any

import httpx
import pytest
from kombu import Connection

from app.brokers.policies import definitions, knows_consumer_timeout, policies
from app.brokers.topology import declare, server_version
from app.development.server import RabbitMQ
from docrelay.names import DEAD_LETTER_QUEUE, Queue


@pytest.mark.parametrize(
    ("version", "knows"),
    [("3.10.8", False), ("3.11.28", False), ("3.12.0", True), ("3.13.0-rc.1", True), ("4.2.1", True), ("", False)],
)
def test_who_knows_the_consumer_timeout(version: str, knows: bool) -> None:
    """And so gets it, longer than the longest stage, and never shorter than it would be anyway."""
    policy = policies(version, 3600.0)["docrelay"]["definition"]
    assert policy.get("consumer-timeout") == (4_500_000 if knows else None)
    assert "consumer-timeout" not in policies(version, None)["docrelay"]["definition"]
    assert definitions(version, 60.0)[Queue.PARSE].get("consumer-timeout") == (1_800_000 if knows else None)
    assert "consumer-timeout" not in definitions(version, 3600.0)[DEAD_LETTER_QUEUE]


def test_what_they_apply_to() -> None:
    """RabbitMQ 4 tells quorum queues from others."""
    assert {policy["apply-to"] for policy in policies("3.13.7", None).values()} == {"queues"}
    assert {policy["apply-to"] for policy in policies("4.0.0", None).values()} == {"quorum_queues"}


def test_the_server_agrees(declared: RabbitMQ) -> None:
    """The one of this machine, whatever it is, takes what is thought right for its version, and refuses the other."""
    with Connection(declared.url) as connection:
        connection.connect()
        version = server_version(connection)
    assert version.split(".")[0].isdigit()
    assert len(declare(declared.url, declared.api_url, 7200.0)) > 2
    set_now = _api(declared, "GET", None).json()["definition"]
    assert set_now == definitions(version, 7200.0)[Queue.PARSE]
    other = policies("3.9.0" if knows_consumer_timeout(version) else "4.0.0", 7200.0)["docrelay"]
    answer = _api(declared, "PUT", other | {"apply-to": "queues"})
    assert answer.is_success == knows_consumer_timeout(version), answer.text
    declare(declared.url, declared.api_url)


def _api(server: RabbitMQ, method: str, body: Any) -> httpx.Response:
    return httpx.request(method, f"{server.api_url}/api/policies/%2F/docrelay", json=body, timeout=10)
