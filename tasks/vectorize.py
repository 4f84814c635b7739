"""The vectorize stage: text of pages to chunks with vectors; what was computed once is found again."""

import uuid

from celery import Task
from sqlalchemy import Connection, select

from app.celery import app
from app.work import StageFailed, Work, run_stage
from docrelay import tables as t
from docrelay.names import REEMBED
from docrelay.transitions import generations
from docrelay.transitions.generations import Generation
from pipelines.chunk import CHUNKER_VERSION, text_hash
from pipelines.documents import Chunk, Page
from tasks import answer
from tasks.engine import LoadedModel, model_engine
from tasks.isolated.model import ModelFacts
from tasks.storing import known_vectors, replace_chunks, store_vectors, vectors_held

SLICE_TEXTS = 64
"""Texts embedded, and committed, at a time: what a crash repeats, and how long a search may have to wait."""

FLOAT_BYTES = 4
TRIES = 3

answer.connect()


@app.task(name="docrelay.vectorize", bind=True, throws=(StageFailed,))
def vectorize(self: Task, stage_run_id: str) -> str:
    """Chunk and embed the document of a stage run."""
    return run_stage(stage_run_id, self.request.id, vectorize_document)


class Overtaken(Exception):  # noqa: N818
    """Between reading and closing, search went over to another generation, or vectors that were there were removed."""


def vectorize_document(work: Work) -> None:
    """Chunk, embed what no one has embedded yet, and replace the document's chunks with the closing."""
    work.unit = "chunks"
    for left in reversed(range(TRIES)):
        try:
            _vectorize(work, work.read(lambda connection: _generation(connection, work)))
            return
        except Overtaken:
            if not left:
                raise


def _generation(connection: Connection, work: Work) -> Generation:
    """Where the document's chunks go."""
    next_one = generations.building(connection) if work.claim.pipeline == REEMBED else None
    return next_one or generations.active(connection)


def _vectorize(work: Work, generation: Generation) -> None:
    model = model_engine().of(generation)
    model_id, facts = model.identify(generation, work.limits, work)
    pages, media_type = work.read(lambda connection: _pages(connection, work.claim.document_id))
    chunks = model.call("chunk", {"pages": pages, "media_type": media_type}, list[Chunk], work.limits, work)
    texts = {text_hash(chunk.text): chunk.text for chunk in chunks}
    embedded = _embed_missing(work, model, model_id, facts, texts)
    version = f"chunker {CHUNKER_VERSION}, {facts.name} {facts.revision} {facts.arithmetic}"

    def close(connection: Connection) -> None:
        if not (generations.hold(connection, generation) and vectors_held(connection, model_id, list(texts))):
            raise Overtaken
        replace_chunks(connection, work.claim.document_id, generation, chunks, version)

    result = {"chunks": len(chunks), "embedded": embedded, "reused": len(texts) - embedded}
    work.succeed(close, {**result, "generation": generation.id})


def _pages(connection: Connection, document_id: uuid.UUID) -> tuple[list[Page], str]:
    columns = select(t.Page.number, t.Page.label, t.Page.text).where(t.Page.document_id == document_id)
    pages = [Page(*row) for row in connection.execute(columns.order_by(t.Page.number))]
    media_type = connection.scalar(select(t.Document.media_type).where(t.Document.id == document_id))
    return pages, media_type or "text/plain"


def _embed_missing(work: Work, model: LoadedModel, model_id: int, facts: ModelFacts, texts: dict[bytes, str]) -> int:
    """Embed the texts that have no vector yet, shortest first; how many there were."""
    known = work.read(lambda connection: known_vectors(connection, model_id, list(texts)))
    missing = sorted((h for h in texts if h not in known), key=lambda h: (len(texts[h]), h))
    for start in range(0, len(missing), SLICE_TEXTS):
        part = missing[start : start + SLICE_TEXTS]
        watch = _SliceWatch(work, len(texts) - len(missing) + start, len(texts))
        vectors = model.call("embed", {"texts": [texts[h] for h in part]}, bytes, work.limits, watch)
        width = facts.dimension * FLOAT_BYTES
        rows = [(h, vectors[i * width : (i + 1) * width]) for i, h in enumerate(part)]
        work.write(lambda connection, rows=rows: store_vectors(connection, model_id, rows))  # type: ignore[misc]
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
