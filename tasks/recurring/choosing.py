"""Which documents a recurring task is about: by collection, outcome, age, and how many are newer."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, text

from app.schedule.recurring import Run
from docrelay.names import SCHEDULE_COLLECTION

PAGE = 200
INFINITY = "infinity"

# By the last job that anybody asked for: a re-embedding of all documents would make all of them new.
LAST = """
    from documents d join lateral (
        select id, status, finished_at from jobs
        where document_id = d.id and pipeline <> 'reembed' order by id desc limit 1) j on true
    where d.collection = :collection and (cast(:any_status as bool) or j.status = any(cast(:statuses as text[])))
"""

COLLECTIONS = text("select distinct collection from documents where collection like :like and collection <> :ours")

# What is under way has no end yet, and is the newest.
OLDEST_KEPT = text(
    f"""
    select j.finished_at, d.id {LAST}
    order by j.finished_at desc nulls first, d.id desc offset cast(:keep as bigint) - 1 limit 1
    """
)

CHOSEN = text(
    f"""
    select d.id, d.sha256, d.name, d.collection, j.id as job_id, j.status
    {LAST} and d.id > :after
      and (:keep = 0 or (j.finished_at, d.id) < (cast(:oldest as timestamptz), cast(:oldest_id as uuid)))
      and (cast(:age as interval) is null or j.finished_at < now() - cast(:age as interval))
      and not exists (select 1 from jobs u where u.document_id = d.id and u.status in ('queued', 'running'))
    order by d.id limit :most
    """  # noqa: S608 - LAST is ours
)


def like(pattern: str) -> str:
    """A pattern with `*` and `?` as one for SQL's LIKE."""
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")


def documents(
    run: Run,
    *,
    collection: str = "*",
    statuses: Sequence[str] = (),
    older_than: timedelta | None = None,
    keep: int = 0,
) -> Iterator[Sequence[Any]]:
    """Documents with nothing under way, a page at a time, by id: id, sha256, name, collection, job_id, status.

    Args:
        run: that asks.
        collection: a name, or a pattern with `*` and `?`.
        statuses: of their last job; all, if there are none.
        older_than: finished so long ago.
        keep: not the newest so many of each collection, among those of these statuses.
    """
    named = {"like": like(collection), "ours": SCHEDULE_COLLECTION}
    names: Sequence[str] = run.read(lambda connection: connection.scalars(COLLECTIONS, named).all())
    for name in sorted(names):
        values = {
            "collection": name,
            "any_status": not statuses,
            "statuses": list(statuses),
            "age": older_than,
            "keep": keep,
            "most": PAGE,
            "oldest": None,
            "oldest_id": None,
        }
        if keep:
            oldest = _oldest_kept(run, values)
            if oldest is None:
                continue
            # Nothing that is kept has ended: all of it is newer than all that has.
            values |= {"oldest": oldest.finished_at or INFINITY, "oldest_id": oldest.id}
        yield from _pages(run, values)


def _oldest_kept(run: Run, values: dict[str, Any]) -> Any:
    return run.read(lambda connection: connection.execute(OLDEST_KEPT, values).one_or_none())


def _pages(run: Run, values: dict[str, Any]) -> Iterator[Sequence[Any]]:
    after = uuid.UUID(int=0)
    while True:

        def page(connection: Connection, after: uuid.UUID = after) -> Sequence[Any]:
            return connection.execute(CHOSEN, {**values, "after": after}).all()

        rows: Sequence[Any] = run.read(page)
        if rows:
            yield rows
            after = rows[-1].id
        if len(rows) < PAGE:
            return
