"""Removing vectors of texts that no chunk has any more."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, text

from docrelay.tables import Chunk

# In two statements: the second sees the chunks of everybody who held a vector when the first wanted to lock it.
LOCK = text(
    """
    select model_id, text_hash from embeddings e
    where text_hash = any(:hashes) and not exists (select 1 from chunks c where c.text_hash = e.text_hash)
    order by model_id, text_hash for update skip locked
    """
)
DROP = text(
    """
    delete from embeddings e
    using unnest(cast(:models as bigint[]), cast(:hashes as bytea[])) gone(model_id, text_hash)
    where e.model_id = gone.model_id and e.text_hash = gone.text_hash
      and not exists (select 1 from chunks c where c.text_hash = e.text_hash)
    """
)
OLD = text(
    """
    select text_hash from embeddings e
    where created_at < now() - cast(:age as interval)
      and not exists (select 1 from chunks c where c.text_hash = e.text_hash)
    limit :most
    """
)


def texts_of(connection: Connection, document_id: object) -> Sequence[bytes]:
    """The hashes of a document's texts, in all generations."""
    return connection.scalars(select(Chunk.text_hash).where(Chunk.document_id == document_id).distinct()).all()


def drop_unused(connection: Connection, hashes: Sequence[bytes]) -> int:
    """Remove the vectors of those texts that are in no chunk; how many there were.

    A vector that somebody holds at this moment is left to the hourly tidying.
    """
    if not hashes:
        return 0
    rows = connection.execute(LOCK, {"hashes": list(hashes)}).all()
    if not rows:
        return 0
    values = {"models": [row.model_id for row in rows], "hashes": [row.text_hash for row in rows]}
    return connection.execute(DROP, values).rowcount


def drop_old(connection: Connection, *, age: str, most: int) -> int:
    """Remove vectors that are in no chunk and older than `age`: younger ones may be of a document under way."""
    return drop_unused(connection, connection.scalars(OLD, {"age": age, "most": most}).all())


COUNT_OLD = text(
    """
    select count(*) from embeddings e
    where created_at < now() - cast(:age as interval)
      and not exists (select 1 from chunks c where c.text_hash = e.text_hash)
    """
)


def count_old(connection: Connection, *, age: str) -> int:
    """How many `drop_old` would remove."""
    return int(connection.scalar(COUNT_OLD, {"age": age}) or 0)
