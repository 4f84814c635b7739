"""`digest`: what happened since the last one, as a notification with text and HTML."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict
from sqlalchemy import Connection, text

from app.schedule.durations import Duration, spell
from app.schedule.entries import check_target
from app.schedule.recurring import Run, recurring
from docrelay.names import SCHEDULE_COLLECTION
from docrelay.transitions import notify_service
from pipelines.deliver import renderer

EVENT = "digest"


class Digest(BaseModel):
    """The arguments of `digest`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    period: Duration = timedelta(days=1)
    """What it is about: the time before the run was due, so that no two reports overlap, however late a run is."""

    to: list[Annotated[str, AfterValidator(check_target)]] = []
    """Who gets it, besides those who are subscribed to `digest`."""


WITHIN = "finished_at > :until - cast(:period as interval) and finished_at <= :until and collection <> :ours"

STATEMENTS: dict[str, str] = {
    "jobs": "select status, count(*) as jobs from jobs where WITHIN group by status order by count(*) desc",
    "failures": """
        select error ->> 'code' as code, count(*) as jobs, min(name) as example, min(error ->> 'message') as message
        from jobs where WITHIN and status in ('failed', 'quarantined') group by 1 order by 2 desc limit 10""",
    "slowest": """
        select name, collection, round(extract(epoch from finished_at - started_at)) as seconds
        from jobs where WITHIN and started_at is not null and same_as is null
        order by finished_at - started_at desc limit 5""",
    "waiting": """
        select name, collection, round(extract(epoch from now() - created_at) / 60) as minutes
        from jobs where status in ('queued', 'running') and collection <> :ours
          and (not_before is null or not_before <= now())
        order by id limit 5""",
    "growth": """
        select collection, count(*) as documents,
               count(*) filter (where created_at > :until - cast(:period as interval) and created_at <= :until) as new,
               sum(size) as bytes
        from documents where collection <> :ours group by collection order by 3 desc, 2 desc limit 20""",
    "schedule": """
        select entry, outcome, sum(times) as runs from schedule_runs
        where due_at > :until - cast(:period as interval) and due_at <= :until and kind = 'schedule'
          and outcome in ('missed', 'expired', 'failed', 'quarantined', 'held', 'skipped')
        group by entry, outcome order by entry, outcome""",
}


@recurring("digest", Digest)
def digest(run: Run, wanted: Digest) -> dict[str, Any]:
    """Gather and send; in a rehearsal, show the text."""
    values = {"until": run.order.due_at, "period": wanted.period, "ours": SCHEDULE_COLLECTION}
    data = run.read(lambda connection: _gather(connection, values)) | {
        "period": spell(wanted.period),
        "until": f"{run.order.due_at:%Y-%m-%d %H:%M} UTC",
    }
    data["message"] = _headline(data)
    numbers = {"jobs": sum(each["jobs"] for each in data["jobs"]), "failures": _bad(data)}
    if run.rehearsal:
        payload = {"type": EVENT, "timestamp": run.order.due_at.isoformat(), "data": data}
        text_ = renderer(None).render(payload)
        return {**numbers, "would_send": [text_.subject, *text_.text.splitlines()]}

    def send(connection: Connection) -> int:
        # With the run's row, so that a worker that dies after it does not make the next one send it again.
        report = run.kept(connection)
        if "sent" not in report:
            report = {**numbers, "sent": len(notify_service(connection, EVENT, data, targets=wanted.to))}
            run.keep_within(connection, report)
        return int(report["sent"])

    return {**numbers, "sent": run.write(send)}


def _gather(connection: Connection, values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [
            _plain(dict(row))
            for row in connection.execute(text(statement.replace("WITHIN", WITHIN)), values).mappings()
        ]
        for name, statement in STATEMENTS.items()
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Postgres' exact numbers as ones that JSON has."""
    return {key: value if isinstance(value, str | int | None) else int(value) for key, value in row.items()}


def _bad(data: dict[str, Any]) -> int:
    return sum(each["jobs"] for each in data["failures"])


def _headline(data: dict[str, Any]) -> str:
    jobs = sum(each["jobs"] for each in data["jobs"])
    new = sum(each["new"] for each in data["growth"])
    return f"{jobs} jobs in {data['period']}, {_bad(data)} failed, {new} new documents"
