"""The broker: there, with the queues, rights, limits and time-outs that the service needs."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
from kombu import Connection as BrokerConnection
from kombu import Queue as KombuQueue

from app.brokers.address import broker_url, connect, is_rabbitmq
from app.brokers.policies import CONSUMER_TIMEOUT, USUAL_TIMEOUT, definitions, knows_consumer_timeout
from app.brokers.topology import queue_state, server_version
from app.doctor.findings import Finding, Verdict, finding
from app.errors import BrokerUnavailable
from config.celery import CONNECT_SECONDS, dead_letter_queue, work_queues
from config.settings import Settings
from docrelay.names import EXCHANGE, Queue

PRECONDITION_FAILED, ACCESS_REFUSED = 406, 403
API_SECONDS = 5.0
NOWHERE = "docrelay.doctor"
"""A routing key that nothing is bound by: what is published with it is dropped."""

Row = dict[str, Any]


def broker(settings: Settings, longest_stage: float | None) -> Iterator[Finding]:
    """All that can be asked; `longest_stage` is the longest that a message may be held, in seconds."""
    url = broker_url(settings)
    unused = BrokerConnection(url)
    shown = unused.as_uri()
    try:
        with BrokerConnection(url, connect_timeout=CONNECT_SECONDS) as connection:
            connect(connection)
            waiting = [f"{queue}: {queue_state(connection, queue).messages}" for queue in Queue]
            yield Finding("broker", Verdict.OK, f"{shown} holds {', '.join(waiting)}")
            if is_rabbitmq(url):
                yield _arguments(connection)
                yield _may_publish(connection)
                version, vhost = server_version(connection), connection.virtual_host or "/"
                yield from _limits(settings, version, vhost, longest_stage)
    except (BrokerUnavailable, OSError, *unused.connection_errors) as error:
        remedy = "start it or correct DOCRELAY_BROKER_URL; if a queue is missing, run `python -m app migrate`"
        found = str(error) if isinstance(error, BrokerUnavailable) else f"{shown} does not answer: {error}"
        yield Finding("broker", Verdict.FAILED, found, remedy)


def _arguments(connection: BrokerConnection) -> Finding:
    """Declaring again what is there changes nothing, and is refused if it is there otherwise."""
    clashes = []
    for queue in [dead_letter_queue(), *work_queues(declare=True)]:
        code, reason = _declare(connection, queue)
        if code == ACCESS_REFUSED:
            found = "not compared: this user may not declare, which only `migrate` needs"
            return Finding("queue arguments", Verdict.OK, found)
        if code == PRECONDITION_FAILED:
            clashes.append(reason)
    if clashes:
        remedy = "stop the workers, delete these queues, run `python -m app migrate`; nothing is lost, the rows decide"
        return Finding("queue arguments", Verdict.FAILED, "; ".join(clashes), remedy)
    return Finding("queue arguments", Verdict.OK, "as declared by `migrate`")


def _declare(connection: BrokerConnection, queue: KombuQueue) -> tuple[int, str]:
    try:
        with connection.channel() as channel:
            queue(channel).queue_declare()
    except connection.channel_errors as error:
        return int(getattr(error, "reply_code", 0) or 0), str(getattr(error, "reply_text", error))
    return 0, ""


def _may_publish(connection: BrokerConnection) -> Finding:
    check = "broker permissions"
    try:
        with connection.channel() as channel:
            channel.confirm_select()
            channel.basic_publish_confirm(
                channel.prepare_message(b""), exchange=EXCHANGE, routing_key=NOWHERE, timeout=5
            )
    except TimeoutError:
        found = "the broker confirms nothing: a memory or disk alarm blocks whoever publishes"
        return Finding(check, Verdict.FAILED, found, "see the alarms in `rabbitmqctl status`; give it memory or disk")
    except (*connection.channel_errors, *connection.connection_errors) as error:
        remedy = f"give the user of DOCRELAY_BROKER_URL the rights write and read on {EXCHANGE}.*"
        return Finding(check, Verdict.FAILED, f"the exchange {EXCHANGE} takes no message: {error}", remedy)
    return Finding(check, Verdict.OK, "messages can be published")


# -- through the management API


def _limits(settings: Settings, version: str, vhost: str, longest_stage: float | None) -> Iterator[Finding]:
    if not settings.broker_api_url:
        found = "not looked at: DOCRELAY_BROKER_API_URL is empty"
        remedy = "set it, or compare `rabbitmqctl list_policies` with what `python -m app migrate` prints"
        yield Finding("broker policy", Verdict.WARNING, found, remedy)
        return
    try:
        policies = _ask(settings.broker_api_url, f"policies/{quote(vhost, safe='')}")
        queues = {row["name"]: row for row in _ask(settings.broker_api_url, f"queues/{quote(vhost, safe='')}")}
    except httpx.HTTPError as error:
        remedy = "correct DOCRELAY_BROKER_API_URL, or give its user the tag `policymaker`"
        yield Finding("broker policy", Verdict.WARNING, f"the management API does not answer: {error}", remedy)
        return
    yield _policy(policies, definitions(version, longest_stage))
    if longest_stage is not None:
        timeouts = [_consumer_timeout(_in_force(policies, name), queues.get(name, {})) for name in Queue]
        yield _timeout(min(timeouts), longest_stage, version)


def _ask(api_url: str, what: str) -> list[Row]:
    answer = httpx.get(f"{api_url.rstrip('/')}/api/{what}", timeout=API_SECONDS)
    if not answer.is_success:
        # Not `raise_for_status`: its sentence has the password of the address.
        raise httpx.HTTPError(f"status {answer.status_code} for {what.partition('/')[0]}")
    rows: list[Row] = answer.json()
    return rows


def _in_force(policies: list[Row], queue: str) -> Row:
    """What the policies say of a queue. A queue's own page has that too, but seconds after a change."""
    matching = [row for row in policies if row["apply-to"] != "exchanges" and re.search(row["pattern"], queue)]
    strongest = max(matching, key=lambda row: int(row["priority"]), default=None)
    return dict(strongest["definition"]) if strongest else {}


def _policy(policies: list[Row], wanted_of: dict[str, Row]) -> Finding:
    wrong = []
    for name, wanted in wanted_of.items():
        is_set = _in_force(policies, name)
        # The time-out has a check of its own, and may be longer.
        ours = {key: value for key, value in wanted.items() if key != CONSUMER_TIMEOUT}
        missing = [f"{key}={value}" for key, value in ours.items() if is_set.get(key) != value]
        wrong += [f"{name} lacks {', '.join(missing)}"] if missing else []
    if wrong:
        remedy = "run `python -m app migrate`; if it is so still, a policy of higher priority stands before ours"
        return Finding("broker policy", Verdict.FAILED, "; ".join(wrong), remedy)
    return Finding("broker policy", Verdict.OK, "limits and dead letters as set by `migrate`")


def _timeout(shortest: float, longest_stage: float, version: str) -> Finding:
    found = f"{shortest:.0f} s, and a stage may hold its message for {longest_stage:.0f} s"
    remedy = (
        "run `python -m app migrate`, which sets a longer one"
        if knows_consumer_timeout(version)
        else f"set `consumer_timeout` higher in rabbitmq.conf, in ms: RabbitMQ {version} knows no policy for it; until "
        "then such a worker is cut off and connects again"
    )
    return finding("consumer timeout", found, remedy, bad=shortest < longest_stage, verdict=Verdict.WARNING)


def _consumer_timeout(policy: Row, queue: Row) -> float:
    """In seconds. What rabbitmq.conf says cannot be asked for; then it is taken as it comes."""
    given = [policy.get(CONSUMER_TIMEOUT), (queue.get("arguments") or {}).get("x-consumer-timeout")]
    return min((float(each) / 1000 for each in given if each), default=USUAL_TIMEOUT)
