"""Removing documents, with the members that nobody else asked for."""

import uuid

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from docrelay import vectors

MEMBERS = text(
    """
    select distinct c.document_id from jobs c join jobs p on c.parent = p.id
    where p.document_id = :id and c.document_id <> :id
    """
)

REMOVE = text("delete from documents where id = :id returning sha256")

# A job that lost its parent was a member's; any other shows that somebody asked for the document itself.
ORPHANS = text(
    """
    select d.id from unnest(:ids) d(id)
    where exists (select 1 from jobs where document_id = d.id)
      and not exists (select 1 from jobs where document_id = d.id and (depth = 0 or parent is not null))
    """
).bindparams(bindparam("ids", type_=ARRAY(UUID)))


def remove_document(connection: Connection, document_id: uuid.UUID) -> list[bytes]:
    """Remove a document with its jobs and vectors, and its members with theirs; the hashes of the bytes that they had.

    A member that was submitted by itself as well, or is in another document too, stays.
    """
    hashes: list[bytes] = []
    left = [document_id]
    while left:
        gone = left.pop()
        members = list(connection.scalars(MEMBERS, {"id": gone}))
        texts = vectors.texts_of(connection, gone)
        hashes += connection.scalars(REMOVE, {"id": gone})
        vectors.drop_unused(connection, texts)
        if members:
            left += connection.scalars(ORPHANS, {"ids": members})
    return hashes
