"""What became of the notifications, by the service's own rows."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from docrelay.database import CONNECT
from docrelay.names import DeliveryStatus

LOOK_SECONDS = 0.2
STATEMENT = """
    select d.id::text, d.event, j.name, d.status, d.tries, d.seconds, d.error
    from deliveries d join jobs j on j.id = d.job_id order by d.created_at, d.id
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """One notification."""

    id: str
    event: str
    document: str
    status: str
    tries: int
    seconds: float | None
    error: str | None


def wait_for_deliveries(url: str, *, timeout: float) -> Sequence[Sent]:
    """All notifications, as soon as none is pending, or as they are after `timeout` seconds."""
    give_up = time.monotonic() + timeout
    with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True, **CONNECT) as connection:
        while True:
            sent = [Sent(*row) for row in connection.execute(STATEMENT)]
            pending = any(one.status == DeliveryStatus.PENDING for one in sent)
            if not pending or time.monotonic() > give_up:
                return sent
            time.sleep(LOOK_SECONDS)
