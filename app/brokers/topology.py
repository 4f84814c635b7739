"""What exists on the broker: exchange, queues, the dead-letter queue, the policy.

Declared by `python -m app migrate`, never by whichever worker happens to start first: two releases
with different arguments would otherwise fight over a queue.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from kombu import Connection, Exchange
from kombu import Queue as KombuQueue

from app.brokers.address import connect, is_files, is_rabbitmq
from app.errors import BrokerUnavailable
from config.celery import CONNECT_SECONDS, DEAD, JOBS, dead_letter_queue, work_queues
from docrelay.errors import ConfigError
from docrelay.names import DEAD_LETTER_EXCHANGE, DEAD_LETTER_QUEUE, Queue

Answer = TypeVar("Answer")

API_SECONDS = 10.0
PRECONDITION_FAILED = 406

POLICY_PATTERN = "^docrelay\\.(" + "|".join(queue.removeprefix("docrelay.") for queue in Queue) + ")$"
POLICY: dict[str, Any] = {
    # The rows decide what is poison. This only ends a message that crashes the worker before any row
    # can be written, and is generous: a kill at every deployment counts against waiting messages too.
    "delivery-limit": 20,
    "dead-letter-exchange": DEAD_LETTER_EXCHANGE,
    # The default strategy may lose the letter on its way, and this one needs `reject-publish`.
    "dead-letter-strategy": "at-least-once",
    "overflow": "reject-publish",
}
DEAD_PATTERN = f"^{re.escape(DEAD_LETTER_QUEUE)}$"
# RabbitMQ 4 gives every quorum queue a limit of 20. Past it, a dead letter that could not be stored
# in twenty tries, since the database was away, would be dropped.
DEAD_POLICY: dict[str, Any] = {"delivery-limit": 1_000_000}


@dataclass(frozen=True, slots=True)
class QueueState:
    """How long a queue is, and who reads it."""

    messages: int
    """Messages that wait; not those a worker has taken and not yet acknowledged."""

    consumers: int | None
    """Workers that read it; None where the broker cannot tell."""


def declare(broker_url: str, api_url: str) -> list[str]:
    """Make everything that the broker needs; lines that say what was done. May be repeated.

    Raises:
        ConfigError: a queue exists with other arguments, or the management API refuses.
        BrokerUnavailable: the broker or its API does not answer.
    """
    if is_files(broker_url):
        return ["broker: a folder, nothing to declare"]
    with Connection(broker_url, connect_timeout=CONNECT_SECONDS) as connection:
        _asked(connection, lambda: connect(connection))
        lines = _declare_entities(connection)
        if not is_rabbitmq(broker_url):
            return [*lines, "policy: none, this broker has no dead letters"]
        vhost = connection.virtual_host or "/"
    return lines + (_set_policies(api_url, vhost) if api_url else _how_to_set(vhost))


def queue_state(connection: Connection, queue: str) -> QueueState:
    """Ask the broker about a queue, on a channel of its own.

    Raises:
        BrokerUnavailable: there is no such queue, or the broker does not answer.
    """

    def ask() -> QueueState:
        with connection.channel() as channel:
            answer = channel.queue_declare(queue, passive=True)
        rabbitmq = connection.transport.driver_type == "amqp"
        return QueueState(answer.message_count, answer.consumer_count if rabbitmq else None)

    try:
        return _asked(connection, ask)
    except connection.channel_errors as error:
        raise BrokerUnavailable(f"there is no queue {queue}: run `python -m app migrate`") from error


def _asked(connection: Connection, question: Callable[[], Answer]) -> Answer:
    try:
        return question()
    except connection.connection_errors as error:
        why = str(error) or type(error).__name__
        raise BrokerUnavailable(f"{connection.as_uri()} does not answer: {why}") from error


def _declare_entities(connection: Connection) -> list[str]:
    entities: list[Exchange | KombuQueue] = [JOBS, DEAD, dead_letter_queue(), *work_queues(declare=True)]
    return [_declare_one(connection, entity) for entity in entities]


def _declare_one(connection: Connection, entity: Exchange | KombuQueue) -> str:
    kind = "queue" if isinstance(entity, KombuQueue) else "exchange"

    def ask() -> None:
        with connection.channel() as channel:
            entity(channel).declare()

    try:
        _asked(connection, ask)
    except connection.channel_errors as error:
        if getattr(error, "reply_code", None) != PRECONDITION_FAILED:
            raise ConfigError(f"{kind} {entity.name} cannot be declared: {error}") from error
        raise ConfigError(_conflict(kind, entity.name, str(error), connection.virtual_host or "/")) from error
    return f"{kind} {entity.name}: declared"


def _conflict(kind: str, name: str, error: str, vhost: str) -> str:
    # PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'docrelay.parse' in vhost '/': received …
    found = re.search(r"inequivalent arg '([^']+)'.*?received (.+?) but current is (.+?)(?:\n|$)", error)
    argument, wanted, actual = found.groups() if found else ("", error, "")
    what = f"argument {argument}: wanted {wanted}, it has {actual.strip()}" if found else wanted
    remedy = (
        f"stop the workers and run `rabbitmqctl --vhost {vhost} delete_queue {name}`"
        if kind == "queue"
        else f"delete exchange {name} in RabbitMQ's management page"
    )
    return (
        f"{kind} {name} exists on the broker with another {what}. To replace it, {remedy}, then run "
        "`python -m app migrate` again; what waited in it is announced again from the rows."
    )


# -- policies


def _policies() -> dict[str, dict[str, Any]]:
    return {
        "docrelay": {"pattern": POLICY_PATTERN, "definition": POLICY},
        "docrelay-dead": {"pattern": DEAD_PATTERN, "definition": DEAD_POLICY},
    }


def _set_policies(api_url: str, vhost: str) -> list[str]:
    with httpx.Client(timeout=API_SECONDS) as client:
        overview = _api(client, "GET", f"{api_url.rstrip('/')}/api/overview")
        modern = int(str(overview["rabbitmq_version"]).partition(".")[0]) >= 4
        lines = []
        for name, policy in _policies().items():
            wanted = {**policy, "apply-to": "quorum_queues" if modern else "queues", "priority": 0}
            _api(client, "PUT", f"{api_url.rstrip('/')}/api/policies/{quote(vhost, safe='')}/{name}", wanted)
            lines.append(f"policy {name}: {json.dumps(policy['definition'])} for {policy['pattern']}")
    return lines


def _api(client: httpx.Client, method: str, url: str, body: Any = None) -> Any:
    try:
        answer = client.request(method, url, json=body)
    except httpx.HTTPError as error:
        raise BrokerUnavailable(f"RabbitMQ's management API at {_shown(url)} does not answer: {error}") from error
    if not answer.is_success:
        raise ConfigError(
            f"RabbitMQ's management API refuses {method} {_shown(url)} with {answer.status_code}: "
            f"{answer.text[:300]} (the user in DOCRELAY_BROKER_API_URL needs the tag `policymaker`)"
        )
    return answer.json() if answer.content else None


def _shown(url: str) -> str:
    return str(httpx.URL(url).copy_with(username=None, password=None))


def _how_to_set(vhost: str) -> list[str]:
    return [
        f"policy {name}: not set, since DOCRELAY_BROKER_API_URL is empty. Set it with:\n  rabbitmqctl set_policy "
        f"--vhost '{vhost}' {name} '{policy['pattern']}' '{json.dumps(policy['definition'])}' --apply-to queues"
        for name, policy in _policies().items()
    ]
