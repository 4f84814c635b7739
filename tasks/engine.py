"""The processes of this worker that hold embedding models, shared by documents and searches.

Which models there are is decided by the rows (`docrelay.transitions.generations`): that of the active generation, and
while another is built, its model too. Each has a process, but only one computes at a time: each uses all cores.
"""

import threading
from collections.abc import Collection
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert as upsert

from app.isolation import DocumentProcess, Limits, NotReady, Watch
from app.runtime import engine
from config.settings import settings
from docrelay.database import transact
from docrelay.search.vector_index import MOST_DIMENSIONS
from docrelay.tables import Model
from docrelay.transitions import generations
from docrelay.transitions.generations import Generation
from tasks.isolated.model import ModelFacts
from tasks.model_turns import Rank, Turns
from tasks.together import Together

Reply = TypeVar("Reply")

MEMORY_MB = 4096


class LoadedModel:
    """One model's process; it is loaded with the first call."""

    def __init__(self, turns: Turns, model: str, arithmetic: str) -> None:
        """Prepare."""
        self._model = model
        self._arithmetic = arithmetic
        self._process = self._new_process()
        self._turns = turns
        self._together = Together(turns, self._embed)
        self._known: tuple[int | None, int, ModelFacts] | None = None

    def call(
        self,
        name: str,
        arguments: dict[str, Any],
        reply: type[Reply],
        limits: Limits,
        watch: Watch,
        *,
        rank: Rank = Rank.DOCUMENT,
    ) -> Reply:
        """Call a function of the model's process; raises what `DocumentProcess.call` raises."""
        with self._turns.take(rank):
            return self._call(name, arguments, reply, limits, watch)

    def embed(self, texts: list[str], limits: Limits, watch: Watch, *, rank: Rank) -> bytes:
        """The vectors of texts, float32, one after another; raises what `DocumentProcess.call` raises."""
        return self._together.embed(texts, limits, watch, rank=rank)

    def _embed(self, texts: list[str], limits: Limits, watch: Watch) -> bytes:
        return self._call("embed", {"texts": texts}, bytes, limits, watch)

    def _call(self, name: str, arguments: dict[str, Any], reply: type[Reply], limits: Limits, watch: Watch) -> Reply:
        if self._process.pid is None:
            self._process.kill()
            self._process = self._new_process()
        return self._process.call(name, arguments, reply, limits, watch)

    def _new_process(self) -> DocumentProcess:
        arguments = [self._model, self._arithmetic, str(settings().vectorize_threads)]
        return DocumentProcess("tasks.isolated.model", arguments, memory_mb=MEMORY_MB)

    def serves(self, generation: Generation) -> bool:
        """Whether it is the model that the generation's row names."""
        return (self._model, self._arithmetic) == (generation.model, generation.arithmetic)

    def identify(
        self, generation: Generation, limits: Limits, watch: Watch, *, rank: Rank = Rank.DOCUMENT
    ) -> tuple[int, ModelFacts]:
        """The model that runs now: its id in `models`, and its facts.

        Raises:
            NotReady: it is not the one that the generation is made with.
        """
        if self._known is None or self._known[0] != self._process.pid or self._process.pid is None:
            facts = self.call("facts", {}, ModelFacts, limits, watch, rank=rank)
            model_id = transact(engine(), lambda connection: register(connection, facts))
            self._known = (self._process.pid, model_id, facts)
            self._arithmetic = facts.arithmetic  # should it have to start again, it must not choose otherwise
        _, model_id, facts = self._known
        if generation.model_id != model_id:
            transact(engine(), lambda connection: _settle(connection, generation, model_id, facts))
        return model_id, facts

    def kill(self) -> None:
        """End the process."""
        with self._turns.take(Rank.DOCUMENT):
            self._process.kill()


class Engine:
    """The models of this worker."""

    def __init__(self) -> None:
        """None is loaded yet."""
        self.turns = Turns()
        self._lock = threading.Lock()
        self._models: list[LoadedModel] = []

    def of(self, generation: Generation) -> LoadedModel:
        """The model of a generation."""
        with self._lock:
            found = next((model for model in self._models if model.serves(generation)), None)
            if found is None:
                found = LoadedModel(self.turns, generation.model, generation.arithmetic)
                self._models.append(found)
            return found

    def keep(self, wanted: Collection[Generation]) -> None:
        """End the processes of models that no generation needs any more."""
        with self._lock:
            over = [model for model in self._models if not any(map(model.serves, wanted))]
            self._models = [model for model in self._models if model not in over]
        for model in over:
            model.kill()


@cache
def model_engine() -> Engine:
    """The engine of this worker."""
    return Engine()


def register(connection: Connection, facts: ModelFacts) -> int:
    """The model's id in `models`; a new model gets its row."""
    key = {"name": facts.name, "revision": facts.revision, "arithmetic": facts.arithmetic}
    connection.execute(upsert(Model).values(**key, dimension=facts.dimension).on_conflict_do_nothing())
    model_id = connection.scalar(select(Model.id).filter_by(**key))
    assert model_id is not None
    return int(model_id)


def _settle(connection: Connection, generation: Generation, model_id: int, facts: ModelFacts) -> None:
    """The first model that is loaded for a generation is its model."""
    if facts.dimension > MOST_DIMENSIONS:
        raise NotReady(
            f"the model at {facts.name} makes {facts.dimension} dimensions, and {MOST_DIMENSIONS} are the most that "
            "can be indexed: choose another model"
        )
    if generations.settle(connection, generation.id, model_id) != model_id:
        raise NotReady(
            f"the model at {facts.name} is revision {facts.revision} in {facts.arithmetic}, and not the one that the "
            f"index was made with: put that one back, or run `python -m app reembed --model {facts.name}`"
        )
