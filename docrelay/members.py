"""Documents inside a document: each becomes a document of the same collection, with a job of its own."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, text

from docrelay import contents
from docrelay import tables as t
from docrelay.database import batches
from docrelay.sources import Measured, measure
from docrelay.submitting import Wishes, accept
from docrelay.transitions import Parent


@dataclass(frozen=True, slots=True)
class Found:
    """A member: where it stands in its container, which is said of one member only, and what it holds."""

    path: str
    source: Measured


@dataclass(frozen=True, slots=True)
class Most:
    """How many documents, of how many bytes together, one submission may hold in all depths."""

    count: int
    size: int


def found(members: Sequence[tuple[str, str, bytes]]) -> list[Found]:
    """Members as (path, name, bytes), made ready. Of several with one path, the second is `path#2`."""
    seen: Counter[str] = Counter()
    result = []
    for path, name, data in members:
        seen[path] += 1
        unique = path if seen[path] == 1 else f"{path}#{seen[path]}"
        result.append(Found(unique, measure(data, name)))
    return result


def keep(connection: Connection, members: Sequence[Found], storage_url: str) -> None:
    """Store the members' bytes, and hold them; before all other locks of the transaction."""
    distinct = sorted({each.source.sha256: each.source for each in members}.values(), key=lambda each: each.sha256)
    for batch in batches(distinct):
        contents.keep(connection, batch, storage_url)


FAMILY = text(
    """
    with recursive up(id, parent) as (
        select id, parent from jobs where id = :id
        union all select j.id, j.parent from jobs j join up on j.id = up.parent
    ), down(id) as (
        select id from up where parent is null
        union all select j.id from jobs j join down on j.parent = down.id
    )
    select count(*), coalesce(sum(size), 0)
    from down join jobs using (id) join documents on documents.id = jobs.document_id
    where jobs.parent is not null
    """
)
"""How many jobs there are for what one submission held, in all depths, and how many bytes their documents have."""


def adopt(
    connection: Connection, job_id: uuid.UUID, members: Sequence[Found], storage_url: str, *, most: Most, who: str
) -> int:
    """Make a job for each member that has none yet, as the job of their container was made; how many were left out.

    Right when run again for the same job: each member has one job of it. One submission gets no more than about `most`
    jobs and bytes, however deep its containers are nested; a member that does not fit is left out, a smaller one behind
    it may still be taken.
    """
    columns = select(t.Job.collection, t.Job.pipeline, t.Job.priority, t.Job.notify, t.Job.depth)
    parent = connection.execute(columns.where(t.Job.id == job_id)).one()
    there = set(connection.scalars(select(t.Job.member).where(t.Job.parent == job_id)))
    new = [member for member in members if member.path not in there]
    if not new:
        return 0
    count, size = connection.execute(FAMILY, {"id": job_id}).one()
    taken = _that_fit(new, most.count - int(count), most.size - int(size))
    wishes = Wishes(
        collection=parent.collection,
        pipeline=parent.pipeline,
        priority=parent.priority,
        notify=parent.notify,
        parent=Parent(job_id, parent.depth + 1, who, tuple(member.path for member in taken)),
    )
    accept(connection, [member.source for member in taken], wishes, storage_url)
    return len(new) - len(taken)


def _that_fit(members: Sequence[Found], count: int, size: int) -> list[Found]:
    taken: list[Found] = []
    for member in members:
        if len(taken) < count and member.source.size <= size:
            taken.append(member)
            size -= member.source.size
    return taken
