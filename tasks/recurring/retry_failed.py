"""`retry-failed`: jobs that failed in a certain way are started again."""

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, text

from app.schedule.durations import Duration
from app.schedule.recurring import Run, recurring
from docrelay import transitions
from docrelay.names import SCHEDULE_COLLECTION
from tasks.recurring.choosing import like


class RetryFailed(BaseModel):
    """The arguments of `retry-failed`; all that are given must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: list[Literal["failed", "quarantined", "partial", "no_text", "cancelled"]] = ["failed"]
    collection: Annotated[str, Field(min_length=1)] = "*"
    error_class: Literal["transient", "permanent", "poison"] | None = None
    code: str | None = None
    stage: str | None = None

    younger_than: Duration | None = None
    """Which ended within so long, and"""

    older_than: Duration | None = None
    """not within so long: what has just failed may need a while."""

    times: Annotated[int, Field(ge=1, le=100)] = 3
    """A job is retried so often by this entry, and then left alone."""

    most: Annotated[int, Field(ge=1)] = 1000


CHOSEN = text(
    """
    select j.id, j.name, j.error ->> 'code' as code from jobs j
    where j.status = any(cast(:status as text[])) and j.collection like :like and j.collection <> :ours
      and (cast(:error_class as text) is null or j.error ->> 'class' = :error_class)
      and (cast(:code as text) is null or j.error ->> 'code' = :code)
      and (cast(:stage as text) is null or j.error ->> 'stage' = :stage)
      and (cast(:younger_than as interval) is null or j.finished_at >= now() - cast(:younger_than as interval))
      and (cast(:older_than as interval) is null or j.finished_at < now() - cast(:older_than as interval))
      and (select count(*) from events e
           where e.job_id = j.id and e.kind = 'retry asked for' and e.who = :who) < :times
    order by j.finished_at limit :most
    """
)


@recurring("retry-failed", RetryFailed)
def retry_failed(run: Run, wanted: RetryFailed) -> dict[str, Any]:
    """Retry them, oldest first; in a rehearsal, say which."""
    who = f"schedule {run.order.entry}"
    values = wanted.model_dump() | {"like": like(wanted.collection), "ours": SCHEDULE_COLLECTION, "who": who}
    values = {key: value for key, value in values.items() if key != "collection"}
    chosen: Sequence[Any] = run.read(lambda connection: connection.execute(CHOSEN, values).all())
    codes: dict[str, int] = {}
    for row in chosen:
        codes[row.code or "none"] = codes.get(row.code or "none", 0) + 1
    reasons = {"by_code": [{code: count} for code, count in sorted(codes.items())]} if codes else {}
    if run.rehearsal:
        return {"to_retry": len(chosen), **reasons, "would": [{"retry": row.name} for row in chosen[:20]]}
    retried = 0
    for row in chosen:
        run.check()
        retried += _retry(run, row.id, who)
        run.progress(retried, len(chosen), "retried")
    return {"retried": retried, **reasons}


def _retry(run: Run, job_id: uuid.UUID, who: str) -> bool:
    def work(connection: Connection) -> bool:
        retried = transitions.retry(connection, job_id, who=who)
        if retried:
            run.made(connection, [job_id])
        return retried

    return bool(run.write(work))
