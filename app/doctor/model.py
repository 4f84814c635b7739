"""The embedding model: there, loadable, and of a size that the tables can index; and the one that re-ranks."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from app.doctor.findings import Finding, Verdict
from app.isolation import CallFailed, DocumentProcess, Limits, NotReady
from config.settings import Settings
from docrelay.search.vector_index import MOST_DIMENSIONS, has_index, has_many

FINDER = "pipelines.model_files"
SERVER = "tasks.isolated.model"
RERANKER = "tasks.isolated.rerank"
"""Named, not imported: the service knows jobs, not documents."""

LOAD = Limits(seconds=300, silence=300, memory_mb=4096)

MODELS = text(
    """
    select m.id, m.name, m.arithmetic, m.dimension,
           (select vector_dims(vector) from embeddings where model_id = m.id limit 1) as found,
           exists (select 1 from generations where model_id = m.id and status = 'active') as searched
    from models m order by m.id
    """
)


class _Patient:
    def check(self) -> None:
        """Nobody cancels this."""

    def progress(self, done: int, total: int) -> None:
        """Nobody looks."""


def models(connection: Connection) -> Iterator[Finding]:
    """Whether the vectors in the tables are what the models' rows say."""
    for row in connection.execute(MODELS):
        check = f"vectors of {row.name} ({row.arithmetic})"
        if row.dimension > MOST_DIMENSIONS:
            yield Finding(check, Verdict.FAILED, _too_many(row.dimension), "choose another model")
        elif row.found not in (None, row.dimension):
            found = f"the tables hold {row.found} dimensions, the model makes {row.dimension}"
            yield Finding(check, Verdict.FAILED, found, "run `python -m app reembed --model …`")
        elif has_index(connection, row.id):
            yield Finding(check, Verdict.OK, f"{row.dimension} dimensions, indexed")
        elif row.searched and has_many(connection, row.id):
            remedy = "the dispatcher makes it within minutes; its log says why if it does not"
            yield Finding(check, Verdict.WARNING, "there is no index yet: searches are slow", remedy)
        else:
            why = "few, all of which are compared" if row.searched else "not those that searches use"
            yield Finding(check, Verdict.OK, f"{row.dimension} dimensions, {why}")


ACTIVE = text("select coalesce(model, '') as model, model_id from generations where status = 'active'")


def searched(connection: Connection, settings: Settings) -> Iterator[Finding]:
    """Whether searches use the model that the settings name: a new setting alone changes nothing."""
    finder: Any = importlib.import_module(FINDER)
    row = connection.execute(ACTIVE).one_or_none()
    wanted = finder.whole(settings.embedding_model)
    if row is None or row.model_id is None or row.model == wanted:
        return
    found = f"searches use {row.model}, and DOCRELAY_EMBEDDING_MODEL names {wanted}"
    remedy = f"run `python -m app reembed --model {wanted}`, or put the setting back"
    yield Finding("model in use", Verdict.WARNING, found, remedy)


def model(settings: Settings, *, deep: bool) -> Finding:
    """Whether the configured model can be found, or, with `deep`, loaded."""
    name, remedy = settings.embedding_model, _REMEDY.format("DOCRELAY_EMBEDDING_MODEL")
    if not deep:
        return _found("model", name, remedy)
    facts = _loaded("model", SERVER, [name, settings.embedding_arithmetic, str(settings.vectorize_threads)], remedy)
    if isinstance(facts, Finding):
        return facts
    if facts["dimension"] > MOST_DIMENSIONS:
        return Finding("model", Verdict.FAILED, _too_many(facts["dimension"]), "choose another model")
    return Finding("model", Verdict.OK, f"{name} loads, {facts['dimension']} dimensions, {facts['arithmetic']}")


def reranker(settings: Settings, *, deep: bool) -> Iterator[Finding]:
    """The same for the cross-encoder, if one is set."""
    name, check, remedy = settings.rerank_model, "re-ranking model", _REMEDY.format("DOCRELAY_RERANK_MODEL")
    if not name:
        return
    if not deep:
        yield _found(check, name, remedy)
        return
    facts = _loaded(check, RERANKER, [name, str(settings.vectorize_threads)], remedy)
    if isinstance(facts, dict):
        facts = Finding(check, Verdict.OK, f"{name} loads, a query and a passage may have {facts['max_tokens']} tokens")
    yield facts


_REMEDY = "correct {}: an installed package, a folder, or a hub id"


def _found(check: str, name: str, remedy: str) -> Finding:
    if "/" in name and not Path(name).expanduser().exists():
        return Finding(check, Verdict.OK, f"{name} is of a hub, and fetched by the worker; --deep loads it")
    finder: Any = importlib.import_module(FINDER)
    try:
        folder, revision = finder.find_model(name)
    except LookupError as error:
        return Finding(check, Verdict.FAILED, str(error), remedy)
    return Finding(check, Verdict.OK, f"{name} in {folder}, revision {revision}")


def _loaded(check: str, server: str, arguments: list[str], remedy: str) -> dict[str, Any] | Finding:
    """What a model's process says of it, or why it does not."""
    process = DocumentProcess(server, arguments, memory_mb=LOAD.memory_mb)
    try:
        return process.call("facts", {}, dict[str, Any], LOAD, _Patient())
    except NotReady as error:
        return Finding(check, Verdict.FAILED, str(error), remedy)
    except CallFailed as error:
        said = error.evidence.log[-1:] if error.evidence else []
        return Finding(check, Verdict.FAILED, "; ".join([str(error), *said]), remedy)
    finally:
        process.kill()


def _too_many(dimension: int) -> str:
    return f"{dimension} dimensions are more than the {MOST_DIMENSIONS} that can be indexed"
