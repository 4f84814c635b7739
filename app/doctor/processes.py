"""Who is alive: dispatchers, workers of each queue, and Beats."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from app.doctor.findings import Finding, Verdict
from app.presence import BEAT_SECONDS
from docrelay.names import Queue
from docrelay.waiting import ALIVE_SECONDS

ALIVE = text(
    f"""
    select role, coalesce(queue, '') as queue, count(*) as processes, sum(slots) as slots from processes
    where beat_at > now() - interval '{ALIVE_SECONDS} seconds' group by 1, 2
    """  # noqa: S608 - a constant of ours
)


def processes(connection: Connection) -> Iterator[Finding]:
    alive = {(row.role, row.queue): row for row in connection.execute(ALIVE)}
    dispatchers = alive.get(("dispatcher", ""))
    if dispatchers is None:
        yield Finding("dispatcher", Verdict.FAILED, "none runs", "start `python -m app dispatch`")
    else:
        yield Finding("dispatcher", Verdict.OK, f"{dispatchers.processes} alive")
    for queue in Queue:
        yield _consumers(queue, alive.get(("worker", queue.value)))
    yield _beat(connection)


def _consumers(queue: Queue, row: object) -> Finding:
    check = f"workers of {queue}"
    if row is None:
        remedy = f"start `python -m celery -A app worker --queues {queue} --pool threads`"
        return Finding(check, Verdict.FAILED, "nobody consumes this queue: its jobs wait for ever", remedy)
    return Finding(check, Verdict.OK, f"{row.processes} alive, {row.slots} slots")  # type: ignore[attr-defined]


# One that was killed leaves its row behind: twice missed is gone.
BEATS = text(
    f"""
    select host || ':' || pid as place from processes
    where role = 'beat' and beat_at > now() - interval '{3 * BEAT_SECONDS:.0f} seconds' order by started_at
    """  # noqa: S608 - a constant of ours
)


def _beat(connection: Connection) -> Finding:
    places = connection.scalars(BEATS).all()
    if not places:
        return Finding(
            "beat", Verdict.WARNING, "none runs: no recurring job starts", "start `python -m celery -A app beat`"
        )
    return Finding("beat", Verdict.OK, f"{len(places)} alive: {', '.join(places)}")
