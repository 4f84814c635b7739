"""Chunks and vectors into their tables, by COPY."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, text, update

from docrelay import tables as t
from docrelay.transitions.generations import Generation
from pipelines.chunk import chunk_id, text_hash
from pipelines.documents import Chunk


def known_vectors(connection: Connection, model_id: int, hashes: Sequence[bytes]) -> set[bytes]:
    """Those of the texts that have a vector."""
    statement = select(t.Embedding.text_hash).where(t.Embedding.model_id == model_id, t.Embedding.text_hash.in_(hashes))
    return set(connection.scalars(statement))


HOLD = text(
    """
    select count(*) from (
        select 1 from embeddings where model_id = :model_id and text_hash = any(:hashes)
        order by text_hash for key share
    ) held
    """
)


def vectors_held(connection: Connection, model_id: int, hashes: Sequence[bytes]) -> bool:
    """Whether all texts have a vector; until the end of the transaction nobody removes one."""
    held = connection.scalar(HOLD, {"model_id": model_id, "hashes": list(hashes)})
    return bool(held == len(hashes))


def store_vectors(connection: Connection, model_id: int, rows: Sequence[tuple[bytes, bytes]]) -> None:
    """COPY aside, then insert what nobody else has inserted meanwhile; vectors are little-endian float32."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        cursor.execute(
            "create temporary table if not exists new_vectors (text_hash bytea, vector vector) on commit delete rows"
        )
        with cursor.copy("copy new_vectors (text_hash, vector) from stdin (format binary)") as copy:
            for digest, vector in rows:
                copy.write_row((digest, _wire(vector)))
        cursor.execute(
            "insert into embeddings (model_id, text_hash, vector) "
            "select %s, text_hash, vector from new_vectors order by text_hash on conflict do nothing",
            (model_id,),
        )


def _wire(vector: bytes) -> bytes:
    """pgvector's binary form: two 16-bit numbers (dimension, unused), then big-endian float32."""
    import numpy as np

    floats = np.frombuffer(vector, dtype="<f4")
    return len(floats).to_bytes(2, "big") + b"\0\0" + floats.astype(">f4").tobytes()


def replace_chunks(
    connection: Connection, document_id: uuid.UUID, generation: Generation, chunks: Sequence[Chunk], version: str
) -> None:
    """Make these the document's chunks in a generation."""
    rows = [_row(document_id, generation.id, chunk) for chunk in chunks]
    mine = (t.Chunk.document_id == document_id) & (t.Chunk.generation == generation.id)
    held = set(connection.scalars(select(t.Chunk.id).where(mine)))
    if held != {row["id"] for row in rows}:
        # Those of a later generation too: they were made of the same pages as these, so it has to be made again.
        connection.execute(
            delete(t.Chunk).where(t.Chunk.document_id == document_id, t.Chunk.generation >= generation.id)
        )
        _copy_chunks(connection, rows)
    connection.execute(update(t.Document).where(t.Document.id == document_id).values(indexed_by=version))


def _row(document_id: uuid.UUID, generation: int, chunk: Chunk) -> dict[str, Any]:
    return {
        "generation": generation,
        "id": uuid.UUID(chunk_id(str(document_id), chunk.ordinal, chunk.text)),
        "document_id": document_id,
        "ordinal": chunk.ordinal,
        "page_first": chunk.page_first,
        "page_last": chunk.page_last,
        "span_start": chunk.start,
        "span_end": chunk.end,
        "heading": chunk.heading,
        "tokens": chunk.tokens,
        "text": chunk.text,
        "text_hash": text_hash(chunk.text),
    }


def _copy_chunks(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    driver: Any = connection.connection.driver_connection
    columns = ", ".join(rows[0])
    with driver.cursor() as cursor, cursor.copy(f"copy chunks ({columns}) from stdin") as copy:
        for row in rows:
            copy.write_row(tuple(row.values()))
