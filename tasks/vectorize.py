"""The vectorize stage: text of pages to chunks with vectors; what was computed once is found again."""

import uuid
from collections.abc import Sequence
from typing import Any

from celery import Task
from sqlalchemy import Connection, delete, select, update

from app.celery import app
from app.work import StageFailed, Work, run_stage
from docrelay import tables as t
from pipelines.chunk import CHUNKER_VERSION, chunk_id, text_hash
from pipelines.documents import Chunk, Page
from tasks import answer
from tasks.engine import model_engine
from tasks.isolated.model import ModelFacts

SLICE_TEXTS = 64
"""Texts embedded, and committed, at a time: what a crash repeats, and how long a search may have to wait."""

FLOAT_BYTES = 4

answer.connect()


@app.task(name="docrelay.vectorize", bind=True, throws=(StageFailed,))
def vectorize(self: Task, stage_run_id: str) -> str:
    """Chunk and embed the document of a stage run."""
    return run_stage(stage_run_id, self.request.id, vectorize_document)


def vectorize_document(work: Work) -> None:
    """Chunk, embed what no one has embedded yet, and replace the document's chunks with the closing."""
    work.unit = "chunks"
    model_id, facts = model_engine().model(work.limits, work)
    pages, media_type = work.read(lambda connection: _pages(connection, work.claim.document_id))
    arguments = {"pages": pages, "media_type": media_type}
    chunks = model_engine().call("chunk", arguments, list[Chunk], work.limits, work)
    texts = {text_hash(chunk.text): chunk.text for chunk in chunks}
    embedded = _embed_missing(work, model_id, facts, texts)
    version = f"chunker {CHUNKER_VERSION}, {facts.name} {facts.revision} {facts.arithmetic}"
    work.succeed(
        lambda connection: _replace(connection, work.claim.document_id, chunks, version),
        {"chunks": len(chunks), "embedded": embedded, "reused": len(texts) - embedded},
    )


def _pages(connection: Connection, document_id: uuid.UUID) -> tuple[list[Page], str]:
    columns = select(t.Page.number, t.Page.label, t.Page.text).where(t.Page.document_id == document_id)
    pages = [Page(*row) for row in connection.execute(columns.order_by(t.Page.number))]
    media_type = connection.scalar(select(t.Document.media_type).where(t.Document.id == document_id))
    return pages, media_type or "text/plain"


def _embed_missing(work: Work, model_id: int, facts: ModelFacts, texts: dict[bytes, str]) -> int:
    """Embed the texts that have no vector yet, shortest first; how many there were."""
    known = work.read(lambda connection: _known(connection, model_id, list(texts)))
    missing = sorted((h for h in texts if h not in known), key=lambda h: (len(texts[h]), h))
    for start in range(0, len(missing), SLICE_TEXTS):
        part = missing[start : start + SLICE_TEXTS]
        batch = {"texts": [texts[h] for h in part]}
        watch = _SliceWatch(work, len(texts) - len(missing) + start, len(texts))
        vectors = model_engine().call("embed", batch, bytes, work.limits, watch)
        width = facts.dimension * FLOAT_BYTES
        rows = [(h, vectors[i * width : (i + 1) * width]) for i, h in enumerate(part)]
        work.write(lambda connection, rows=rows: _store_vectors(connection, model_id, rows))  # type: ignore[misc]
    work.progress(len(texts), len(texts))
    return len(missing)


class _SliceWatch:
    """Progress inside a slice, told as the document's."""

    def __init__(self, work: Work, before: int, total: int) -> None:
        self.check = work.check
        self._work = work
        self._before = before
        self._total = total
        self.progress(0, total)

    def progress(self, done: int, total: int) -> None:
        """So many of the slice are done."""
        self._work.progress(self._before + done, self._total)


def _known(connection: Connection, model_id: int, hashes: Sequence[bytes]) -> set[bytes]:
    statement = select(t.Embedding.text_hash).where(t.Embedding.model_id == model_id, t.Embedding.text_hash.in_(hashes))
    return set(connection.scalars(statement))


def _store_vectors(connection: Connection, model_id: int, rows: Sequence[tuple[bytes, bytes]]) -> None:
    """COPY aside, then insert what nobody else has inserted meanwhile."""
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


def _replace(connection: Connection, document_id: uuid.UUID, chunks: Sequence[Chunk], version: str) -> None:
    rows = [_row(document_id, chunk) for chunk in chunks]
    held = set(connection.scalars(select(t.Chunk.id).where(t.Chunk.document_id == document_id)))
    wanted = {row["id"] for row in rows}
    if held != wanted:
        connection.execute(delete(t.Chunk).where(t.Chunk.document_id == document_id))
        _copy_chunks(connection, rows)
    connection.execute(update(t.Document).where(t.Document.id == document_id).values(indexed_by=version))


def _row(document_id: uuid.UUID, chunk: Chunk) -> dict[str, Any]:
    return {
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
