"""The vectorize stage: text of pages to chunks with vectors; what was computed once is found again."""

import time
from dataclasses import dataclass

from celery import Task
from sqlalchemy import Connection

from app.celery import app
from app.work import StageFailed, Work, run_stage
from docrelay.names import PRIORITY_INTERACTIVE, REEMBED
from docrelay.transitions import generations
from docrelay.transitions.generations import Generation
from pipelines.chunk import CHUNKER_VERSION, text_hash
from tasks import answer
from tasks.cutting import cut
from tasks.engine import LoadedModel, model_engine
from tasks.model_turns import Rank
from tasks.storing import known_vectors, replace_chunks, store_vectors, vectors_held
from tasks.together import SLICE_TEXTS
from tasks.turn import Turn
from tasks.underway import reserved

ELSEWHERE_SECONDS = 0.05
"""So long between two looks at texts that another document of this worker is computing."""

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
    rank = Rank.INTERACTIVE if work.claim.priority >= PRIORITY_INTERACTIVE else Rank.DOCUMENT
    model_id, facts = model.identify(generation, work.limits, work, rank=rank)
    chunks = cut(work, generation.model, facts.max_tokens)
    texts = {text_hash(chunk.text): chunk.text for chunk in chunks}
    embedded = _embed_missing(work, _Embedding(work, model, model_id, facts.dimension, rank), texts)
    if embedded is None:
        work.make_way()
        return
    version = f"chunker {CHUNKER_VERSION}, {facts.name} {facts.revision} {facts.arithmetic}"

    def close(connection: Connection) -> None:
        if not (generations.hold(connection, generation) and vectors_held(connection, model_id, list(texts))):
            raise Overtaken
        replace_chunks(connection, work.claim.document_id, generation, chunks, version)

    result = {"chunks": len(chunks), "embedded": embedded, "reused": len(texts) - embedded}
    work.succeed(close, {**result, "generation": generation.id})


def _embed_missing(work: Work, embedding: "_Embedding", texts: dict[bytes, str]) -> int | None:
    """Embed the texts that have no vector yet, shortest first; how many there were, or None to let others go first."""
    turn, embedded = Turn(work), 0
    missing = embedding.missing(sorted(texts, key=lambda h: (len(texts[h]), h)))
    while missing:
        with reserved(embedding.model_id, missing[:SLICE_TEXTS]) as mine:
            part = embedding.missing(mine)  # the one who computed the others may have just ended
            if part:
                embedding.run([(h, texts[h]) for h in part], len(texts) - len(missing), len(texts))
        embedded += len(part)
        missing = [h for h in missing if h not in mine]
        if not mine:
            work.check()
            time.sleep(ELSEWHERE_SECONDS)
            missing = embedding.missing(missing)
        if missing and turn.over():
            return None
    work.progress(len(texts), len(texts))
    return embedded


@dataclass(frozen=True, slots=True)
class _Embedding:
    """A stage's document and the model that embeds its texts."""

    work: Work
    model: LoadedModel
    model_id: int
    dimension: int
    rank: Rank

    def missing(self, hashes: list[bytes]) -> list[bytes]:
        """Those without a vector, in the same order."""
        known = self.work.read(lambda connection: known_vectors(connection, self.model_id, hashes))
        return [h for h in hashes if h not in known]

    def run(self, part: list[tuple[bytes, str]], before: int, total: int) -> None:
        """Embed a slice and commit its vectors."""
        watch = _SliceWatch(self.work, before, total)
        texts = [text for _, text in part]
        vectors = self.model.embed(texts, self.work.limits, watch, rank=self.rank)
        width = self.dimension * FLOAT_BYTES
        rows = [(h, vectors[i * width : (i + 1) * width]) for i, (h, _) in enumerate(part)]
        self.work.write(lambda connection: store_vectors(connection, self.model_id, rows))


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
