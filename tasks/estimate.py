"""What re-embedding will cost, and how far it is."""

import time
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from app.isolation import DocumentProcess, Limits
from app.runtime import engine
from config.settings import settings
from docrelay.database import transact
from docrelay.names import GenerationStatus
from docrelay.transitions import generations
from docrelay.transitions.generations import Generation
from pipelines.model_files import whole
from tasks.engine import register
from tasks.isolated.model import ModelFacts

SAMPLE_TEXTS = 16
SAMPLE_SECONDS = 10.0
MOST_SAMPLES = 16
FLOAT_BYTES = 4
INDEX_FACTOR = 2.2
"""A row of `embeddings` and its place in the HNSW graph, in sizes of the vector, as measured in docs/performance.md."""

LOAD = Limits(seconds=300, silence=300, memory_mb=4096)

CHUNKS = text("select count(*), coalesce(sum(tokens), 0) from chunks where generation = :id")
# Ids are hashes: the first ones of a random id are a random sample.
SAMPLE = text("select text from chunks where generation = :id and id > :after order by id limit :most")
WORKERS = text(
    """
    select count(*) from processes
    where role = 'worker' and queue = 'docrelay.vectorize' and beat_at > now() - interval '30 seconds'
    """
)


class _Patient:
    def check(self) -> None:
        """Nobody cancels this."""

    def progress(self, done: int, total: int) -> None:
        """Nobody looks."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost of a new generation; `rate` is in texts per second of one worker, measured here on texts of its own."""

    model: str
    facts: ModelFacts
    chunks: int
    tokens: int
    sampled: int
    rate: float
    workers: int

    @property
    def seconds(self) -> float:
        """Of all workers together, if nothing else is to be done."""
        return self.chunks / self.rate / max(1, self.workers) if self.rate else 0.0

    @property
    def megabytes(self) -> float:
        """Of vectors with their index, until the old generation is removed."""
        return self.chunks * self.facts.dimension * FLOAT_BYTES * INDEX_FACTOR / 1e6


def estimate(model: str, arithmetic: str) -> Estimate:
    """Load the model and embed a sample of the texts with it.

    Raises:
        CallFailed, NotReady: the model cannot be loaded.
    """
    found = transact(engine(), generations.active)
    chunks, tokens = transact(engine(), lambda connection: connection.execute(CHUNKS, {"id": found.id}).one())
    process = DocumentProcess(
        "tasks.isolated.model", [whole(model), arithmetic, str(settings().vectorize_threads)], memory_mb=LOAD.memory_mb
    )
    try:
        facts = process.call("facts", {}, ModelFacts, LOAD, _Patient())
        sampled, rate = _measure(process, found)
    finally:
        process.kill()
    workers = int(transact(engine(), lambda connection: connection.scalar(WORKERS)) or 0)
    return Estimate(whole(model), facts, int(chunks), int(tokens), sampled, rate, workers)


def _measure(process: DocumentProcess, generation: Generation) -> tuple[int, float]:
    sampled, spent, after = 0, 0.0, uuid.uuid4()
    for _ in range(MOST_SAMPLES):
        values = {"id": generation.id, "after": after, "most": SAMPLE_TEXTS}
        texts = transact(engine(), lambda connection, values=values: connection.scalars(SAMPLE, values).all())  # type: ignore[misc]
        texts = texts or _first(generation) if not sampled else texts
        if not texts or spent > SAMPLE_SECONDS:
            break
        started = time.monotonic()
        process.call("embed", {"texts": list(texts)}, bytes, LOAD, _Patient())
        spent += time.monotonic() - started
        sampled += len(texts)
        after = uuid.uuid4()
    return sampled, sampled / spent if spent else 0.0


def _first(generation: Generation) -> list[str]:
    values = {"id": generation.id, "after": uuid.UUID(int=0), "most": SAMPLE_TEXTS}
    return list(transact(engine(), lambda connection: connection.scalars(SAMPLE, values).all()))


def begin(wanted: Estimate) -> int:
    """Begin to build the generation; its id. The dispatcher and the workers do the rest.

    Raises:
        Conflict: one is being built, or this model is in use already.
    """

    def work(connection: Connection) -> int:
        model_id = register(connection, wanted.facts)
        return generations.begin(connection, wanted.model, wanted.facts.arithmetic, model_id)

    return transact(engine(), work)


def status() -> dict[str, Any]:
    """The generation that searches use, the one that is built with its progress, and what failed."""

    def work(connection: Connection) -> dict[str, Any]:
        using = generations.active(connection)
        found: dict[str, Any] = {"active": _told(connection, using)}
        for generation in generations.generations(
            connection, GenerationStatus.BUILDING, GenerationStatus.RETIRED, GenerationStatus.ABORTED
        ):
            found[generation.status.value] = _told(connection, generation)
        if new := generations.building(connection):
            rows = generations.jobs_failed(connection, new.id, most=20)
            found["failed"] = [{**row, "id": str(row["id"])} for row in rows]
        return found

    return transact(engine(), work)


def _told(connection: Connection, generation: Generation) -> dict[str, Any]:
    chunks, _ = connection.execute(CHUNKS, {"id": generation.id}).one()
    documents = connection.scalar(
        text("select count(distinct document_id) from chunks where generation = :id"), {"id": generation.id}
    )
    known = {"id": generation.id, "model": generation.model, "arithmetic": generation.arithmetic}
    return {**known, "documents": int(documents or 0), "chunks": int(chunks)}
