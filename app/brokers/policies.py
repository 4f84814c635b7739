"""The policies of our queues: what can be changed later without declaring a queue again, as each RabbitMQ knows it."""

import re
from typing import Any

from docrelay.names import DEAD_LETTER_EXCHANGE, DEAD_LETTER_QUEUE, Queue

PATTERN = "^docrelay\\.(" + "|".join(queue.removeprefix("docrelay.") for queue in Queue) + ")$"
DEAD_PATTERN = f"^{re.escape(DEAD_LETTER_QUEUE)}$"

CONSUMER_TIMEOUT = "consumer-timeout"
USUAL_TIMEOUT = 1800.0
"""RabbitMQ's own consumer time-out, in seconds."""

MARGIN_SECONDS = 900.0
"""Beyond the longest limit: the worker kills, writes and acknowledges, after an outage of the database if need be."""

Definition = dict[str, Any]


def definitions(version: str, longest_stage: float | None) -> dict[str, Definition]:
    """What each queue's policy has to be on a RabbitMQ of this version, by the queue's name.

    `longest_stage` is the longest limit of a stage in seconds, for which a worker may hold a message; None if unknown.
    """
    work: Definition = {
        # The rows decide what is poison. This only ends a message that crashes the worker before any row
        # can be written, and is generous: a kill at every deployment counts against waiting messages too.
        "delivery-limit": 20,
        "dead-letter-exchange": DEAD_LETTER_EXCHANGE,
        # The default strategy may lose the letter on its way, and this one needs `reject-publish`.
        "dead-letter-strategy": "at-least-once",
        "overflow": "reject-publish",
    }
    if longest_stage is not None and knows_consumer_timeout(version):
        work[CONSUMER_TIMEOUT] = int(1000 * max(USUAL_TIMEOUT, longest_stage + MARGIN_SECONDS))
    # RabbitMQ 4 gives every quorum queue a limit of 20. Past it, a dead letter that could not be stored
    # in twenty tries, since the database was away, would be dropped.
    return {**dict.fromkeys(Queue, work), DEAD_LETTER_QUEUE: {"delivery-limit": 1_000_000}}


def policies(version: str, longest_stage: float | None) -> dict[str, dict[str, Any]]:
    """The policies by name, as the management API takes them."""
    of_queues = definitions(version, longest_stage)
    shared = {"apply-to": "quorum_queues" if _numbers(version) >= (4,) else "queues", "priority": 0}
    return {
        "docrelay": {"pattern": PATTERN, "definition": of_queues[Queue.PARSE], **shared},
        "docrelay-dead": {"pattern": DEAD_PATTERN, "definition": of_queues[DEAD_LETTER_QUEUE], **shared},
    }


def knows_consumer_timeout(version: str) -> bool:
    """Whether a policy may set the consumer time-out; an older RabbitMQ refuses such a policy whole."""
    return _numbers(version) >= (3, 12)


def _numbers(version: str) -> tuple[int, ...]:
    """`3.13.0-rc.1` as (3, 13); nothing is known of what does not look like a version."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)
