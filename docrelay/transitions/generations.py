"""Generations of the index: what search uses is a row, and the next one is built beside it.

    building ─┬► active ─► retired ─► removed      `switch` retires the one before in the same transaction
              └► aborted ─► removed

One is active at every moment and at most one is being built; two unique indexes see to it.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, text
from sqlalchemy.exc import IntegrityError

from docrelay.errors import Conflict
from docrelay.names import REEMBED, GenerationStatus


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation; `arithmetic` is the model's own once a worker has loaded it, else what was asked for."""

    id: int
    status: GenerationStatus
    model: str
    arithmetic: str
    model_id: int | None
    fed_until: uuid.UUID | None = None


SELECT = """
    select g.id, g.status, coalesce(g.model, '') as model, coalesce(m.arithmetic, g.arithmetic) as arithmetic,
           g.model_id, g.fed_until
    from generations g left join models m on m.id = g.model_id
"""
OF_STATUS = text(f"{SELECT} where g.status = any(:statuses) order by g.id")
OF_ID = text(f"{SELECT} where g.id = :id")


def generations(connection: Connection, *statuses: GenerationStatus) -> list[Generation]:
    """Those in one of these states, the oldest first."""
    rows = connection.execute(OF_STATUS, {"statuses": list(statuses)}).mappings()
    return [Generation(**{**row, "status": GenerationStatus(row["status"])}) for row in rows]


def active(connection: Connection) -> Generation:
    """The one that search uses."""
    (found,) = generations(connection, GenerationStatus.ACTIVE)
    return found


def building(connection: Connection) -> Generation | None:
    """The one that is being built, if any."""
    return next(iter(generations(connection, GenerationStatus.BUILDING)), None)


NAME = text(
    "update generations set model = :model, arithmetic = :arithmetic where status = 'active' and model_id is null"
)
SETTLE = text("update generations set model_id = :model_id where id = :id and model_id is null")
HOLD = text("select status from generations where id = :id for share")
BEGIN = text(
    """
    insert into generations (model, arithmetic, model_id, status)
    values (:model, :arithmetic, :model_id, 'building') returning id
    """
)


def name(connection: Connection, model: str, arithmetic: str) -> None:
    """Say which model the active generation has, as long as nothing was made with it."""
    connection.execute(NAME, {"model": model, "arithmetic": arithmetic})


def settle(connection: Connection, generation_id: int, model_id: int) -> int | None:
    """Note the model that a worker has loaded, unless another was first; the one that counts."""
    connection.execute(SETTLE, {"id": generation_id, "model_id": model_id})
    row = connection.execute(OF_ID, {"id": generation_id}).one_or_none()
    return None if row is None else row.model_id


def hold(connection: Connection, generation: Generation) -> bool:
    """Whether it is still what it was; until the end of the transaction it stays so."""
    return bool(connection.scalar(HOLD, {"id": generation.id}) == generation.status)


def begin(connection: Connection, model: str, arithmetic: str, model_id: int) -> int:
    """Begin to build a generation; its id.

    Raises:
        Conflict: another one is being built, or search uses this very model already.
    """
    if active(connection).model_id == model_id:
        raise Conflict(f"search uses {model} in {arithmetic} already")
    try:
        return int(connection.scalar(BEGIN, {"model": model, "arithmetic": arithmetic, "model_id": model_id}))
    except IntegrityError as error:
        raise Conflict("a generation is being built already; see --status, or --abort it") from error


# Documents of the active generation that the next one has not: new ones, too, and such as have changed since.
MISSING = """
    from documents d
    where exists (select 1 from chunks c where c.document_id = d.id and c.generation = :old)
      and not exists (select 1 from chunks c where c.document_id = d.id and c.generation = :new)
"""
# Nobody has to be asked twice: a job that failed stays the operator's, to be retried.
FEED = text(
    f"""
    select d.id, d.name, d.collection {MISSING}
      and (cast(:after as uuid) is null or d.id > :after)
      and not exists (select 1 from jobs j, generations g
                      where j.document_id = d.id and j.pipeline = :pipeline and g.id = :new
                        and j.created_at >= g.created_at and j.status not in ('succeeded', 'partial', 'no_text'))
    order by d.id limit :most
    """  # noqa: S608 - a constant of ours
)
LOCK = text("select id from generations where status in ('active', 'building') order by id for update")
ANY_MISSING = text(f"select 1 {MISSING} limit 1")
RETIRE = text("update generations set status = 'retired' where status = 'active'")
ACTIVATE = text("update generations set status = 'active', switched_at = now(), fed_until = null where id = :id")
ABORT = text("update generations set status = 'aborted' where status = 'building' returning id")
REMOVE = text("update generations set status = 'removed', ended_at = now() where id = :id")
FED = text("update generations set fed_until = :until where id = :id")
UNFINISHED_JOBS = text("select id from jobs where pipeline = :pipeline and status in ('queued', 'running')")
FAILED_JOBS = text(
    """
    select j.id, j.name, j.collection, j.status, j.error ->> 'message' as message
    from jobs j, generations g
    where g.id = :id and j.pipeline = :pipeline and j.created_at >= g.created_at
      and j.status in ('failed', 'quarantined', 'cancelled')
    order by j.id limit :most
    """
)


def missing(connection: Connection, new: Generation, *, most: int) -> Sequence[tuple[uuid.UUID, str, str]]:
    """Documents (id, name, collection) behind `fed_until` that need a job to get into the generation."""
    values = {"old": active(connection).id, "new": new.id, "after": new.fed_until, "most": most, "pipeline": REEMBED}
    return [(row.id, row.name, row.collection) for row in connection.execute(FEED, values)]


def jobs_open(connection: Connection) -> Sequence[uuid.UUID]:
    """The jobs of the generation that is built which have no outcome yet."""
    return connection.scalars(UNFINISHED_JOBS, {"pipeline": REEMBED}).all()


def jobs_failed(connection: Connection, generation_id: int, *, most: int) -> Sequence[RowMapping]:
    """Its jobs that failed (id, name, collection, status, message): without them there is no switch."""
    values = {"id": generation_id, "most": most, "pipeline": REEMBED}
    return connection.execute(FAILED_JOBS, values).mappings().all()


def fed(connection: Connection, generation_id: int, until: uuid.UUID | None) -> None:
    """Remember where `missing` goes on, or None for another round from the start."""
    connection.execute(FED, {"id": generation_id, "until": until})


def switch(connection: Connection, new: Generation) -> bool:
    """Let searches use the generation from this commit on; False if a document is missing in it, or it was aborted.

    Whoever closes a document's stage holds its generation, so that none can slip in between.
    """
    connection.execute(LOCK)
    if not hold(connection, new):
        return False
    if connection.scalar(ANY_MISSING, {"old": active(connection).id, "new": new.id}):
        return False
    connection.execute(RETIRE)
    connection.execute(ACTIVATE, {"id": new.id})
    return True


def abort(connection: Connection) -> bool:
    """Give up what is being built; False if there is nothing. Its jobs are the caller's to cancel."""
    return connection.scalar(ABORT) is not None


def removed(connection: Connection, generation_id: int) -> None:
    """Note that nothing is left of it."""
    connection.execute(REMOVE, {"id": generation_id})
