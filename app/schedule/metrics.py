"""The schedule in numbers, among those that Flower serves at `/metrics`."""

import logging
import time
from collections.abc import Iterator
from functools import cache

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.runtime import database_url
from app.schedule import ledger
from app.schedule.entries import Entry
from app.schedule.overview import leadership
from docrelay.database import make_engine
from docrelay.errors import DocrelayError

log = logging.getLogger(__name__)

PREFIX = "docrelay_schedule"

PAUSE_SECONDS = 30.0
"""Not asked again for so long when it did not answer: Flower serves nothing else meanwhile."""

ENTRIES = text("select * from schedule_entries where present order by name")

LAST = text(
    """
    select r.entry, extract(epoch from max(r.finished_at))::float8 as at
    from schedule_runs r join schedule_entries e on e.name = r.entry and e.present
    where r.outcome = 'succeeded' and r.kind <> 'rehearsal' group by r.entry order by r.entry
    """
)

LATELY = text(
    """
    select r.entry, r.outcome, sum(r.times)::bigint as runs
    from schedule_runs r join schedule_entries e on e.name = r.entry and e.present
    where r.due_at > now() - interval '1 day' and r.outcome is not null and r.kind = 'schedule'
    group by r.entry, r.outcome order by r.entry, r.outcome
    """
)


@cache
def register() -> None:
    """Add our numbers to those of this process, once."""
    REGISTRY.register(ScheduleMetrics())


class ScheduleMetrics(Collector):
    """Read from Postgres whenever somebody asks."""

    def __init__(self) -> None:
        """Connect to nothing yet."""
        self._silent_until = 0.0

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: else it would be read when it is registered."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All numbers; without a database only that there is none."""
        found: list[GaugeMetricFamily] = []
        if time.monotonic() >= self._silent_until:
            try:
                with _engine().connect() as connection:
                    found = list(_read(connection))
            except (DBAPIError, SQLAlchemyError, DocrelayError) as error:
                log.warning("no metrics of the schedule: %s", str(error).partition("\n")[0])
                self._silent_until = time.monotonic() + PAUSE_SECONDS
        yield GaugeMetricFamily("docrelay_database_up", "Whether the database answers", value=bool(found))
        yield from found


@cache
def _engine() -> Engine:
    return make_engine(database_url(), pool_size=1, application="docrelay metrics")


def _read(connection: Connection) -> Iterator[GaugeMetricFamily]:
    state = leadership(connection)
    yield GaugeMetricFamily(f"{PREFIX}_led", "Whether a Beat leads", value=state is not None and state.led)
    yield GaugeMetricFamily(
        f"{PREFIX}_file_ok",
        "Whether the schedule file has no mistakes; else the last good one counts",
        value=state is None or state.problem is None,
    )
    fires = GaugeMetricFamily(f"{PREFIX}_fires", "Whether an entry is neither held nor paused", labels=["entry"])
    for row in connection.execute(ENTRIES):
        entry = Entry.model_validate(row.entry)
        if entry.enabled:
            fires.add_metric([row.name], not (ledger.why_held(row.name, entry, row) or ledger.why_paused(row)))
    yield fires
    last = GaugeMetricFamily(f"{PREFIX}_last_success_seconds", "When an entry last went well", labels=["entry"])
    for row in connection.execute(LAST):
        last.add_metric([row.entry], row.at)
    yield last
    runs = GaugeMetricFamily(f"{PREFIX}_day_runs", "What became of a day's due times", labels=["entry", "outcome"])
    for row in connection.execute(LATELY):
        runs.add_metric([row.entry, row.outcome], row.runs)
    yield runs
