"""The one process of this worker that holds the embedding model, shared by documents and searches."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from app.isolation import DocumentProcess, Limits, Watch
from app.runtime import engine
from config.settings import settings
from docrelay.database import transact
from docrelay.tables import Model
from tasks.isolated.model import ModelFacts

Reply = TypeVar("Reply")

MEMORY_MB = 4096


class Engine:
    """The model's process and whose turn it is: a search goes before the next batch of a document."""

    def __init__(self) -> None:
        """Prepare; the model is loaded with the first call."""
        arguments = [
            settings().embedding_model,
            settings().embedding_arithmetic,
            str(settings().vectorize_threads),
        ]
        self._process = DocumentProcess("tasks.isolated.model", arguments, memory_mb=MEMORY_MB)
        self._turn = threading.Condition()
        self._busy = False
        self._urgent = 0
        self._known: tuple[int | None, int, ModelFacts] | None = None

    @contextmanager
    def _turns(self, *, urgent: bool) -> Iterator[None]:
        with self._turn:
            self._urgent += urgent
            self._turn.wait_for(lambda: not self._busy and (urgent or not self._urgent))
            self._urgent -= urgent
            self._busy = True
        try:
            yield
        finally:
            with self._turn:
                self._busy = False
                self._turn.notify_all()

    def call(
        self,
        name: str,
        arguments: dict[str, Any],
        reply: type[Reply],
        limits: Limits,
        watch: Watch,
        *,
        urgent: bool = False,
    ) -> Reply:
        """Call a function of the model's process; raises what `DocumentProcess.call` raises."""
        with self._turns(urgent=urgent):
            return self._process.call(name, arguments, reply, limits, watch)

    def model(self, limits: Limits, watch: Watch, *, urgent: bool = False) -> tuple[int, ModelFacts]:
        """The model that runs now: its id in `models`, and its facts."""
        if self._known is None or self._known[0] != self._process.pid or self._process.pid is None:
            facts = self.call("facts", {}, ModelFacts, limits, watch, urgent=urgent)
            model_id = transact(engine(), lambda connection: _register(connection, facts))
            self._known = (self._process.pid, model_id, facts)
        return self._known[1], self._known[2]


@cache
def model_engine() -> Engine:
    """The engine of this worker."""
    return Engine()


def _register(connection: Connection, facts: ModelFacts) -> int:
    """The model's id; a new model gets its row and its index."""
    key = {"name": facts.name, "revision": facts.revision, "arithmetic": facts.arithmetic}
    connection.execute(upsert(Model).values(**key, dimension=facts.dimension).on_conflict_do_nothing())
    model_id = connection.scalar(select(Model.id).filter_by(**key))
    assert model_id is not None
    # HNSW needs a dimension, which the column leaves open so that models can stand side by side.
    connection.execute(
        text(
            f"create index if not exists ix_embeddings_model_{model_id} on embeddings using hnsw "
            f"((vector::vector({int(facts.dimension)})) vector_cosine_ops) where model_id = {model_id}"
        )
    )
    return int(model_id)
