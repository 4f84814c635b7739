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
from app.brokers.policies import policies
from app.errors import BrokerUnavailable
from config.celery import CONNECT_SECONDS, DEAD, JOBS, dead_letter_queue, work_queues
from docrelay.errors import ConfigError

Answer = TypeVar("Answer")

API_SECONDS = 10.0
PRECONDITION_FAILED = 406


@dataclass(frozen=True, slots=True)
class QueueState:
    """How long a queue is, and who reads it."""

    messages: int
    """Messages that wait; not those a worker has taken and not yet acknowledged."""

    consumers: int | None
    """Workers that read it; None where the broker cannot tell."""


def declare(broker_url: str, api_url: str, longest_stage: float | None = None) -> list[str]:
    """Make everything that the broker needs; lines that say what was done. May be repeated.

    `longest_stage` is the longest that a worker may hold a message, in seconds: the broker has to bear it.

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
        wanted = policies(server_version(connection), longest_stage)
    return lines + (_set_policies(api_url, vhost, wanted) if api_url else _how_to_set(vhost, wanted))


def server_version(connection: Connection) -> str:
    """RabbitMQ's version, as it introduces itself; empty if it does not say."""
    return str(connection.connection.server_properties.get("version", ""))


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


def _set_policies(api_url: str, vhost: str, wanted: dict[str, dict[str, Any]]) -> list[str]:
    with httpx.Client(timeout=API_SECONDS) as client:
        for name, policy in wanted.items():
            _api(client, "PUT", f"{api_url.rstrip('/')}/api/policies/{quote(vhost, safe='')}/{name}", policy)
    return [
        f"policy {name}: {json.dumps(policy['definition'])} for {policy['pattern']}" for name, policy in wanted.items()
    ]


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


def _how_to_set(vhost: str, wanted: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"policy {name}: not set, since DOCRELAY_BROKER_API_URL is empty. Set it with:\n  rabbitmqctl set_policy "
        f"--vhost '{vhost}' {name} '{policy['pattern']}' '{json.dumps(policy['definition'])}' "
        f"--apply-to {policy['apply-to']}"
        for name, policy in wanted.items()
    ]
