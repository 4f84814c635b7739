"""The embedding model: there, loadable, and of a size that the tables can index."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from app.doctor.findings import Finding, Verdict
from app.isolation import CallFailed, DocumentProcess, Limits, NotReady
from config.settings import Settings

FINDER = "pipelines.model_files"
SERVER = "tasks.isolated.model"
"""Named, not imported: the service knows jobs, not documents."""

MOST_DIMENSIONS = 2000
"""What pgvector indexes of the type `vector`."""

LOAD = Limits(seconds=300, silence=300, memory_mb=4096)

MODELS = text(
    """
    select m.name, m.arithmetic, m.dimension,
           (select vector_dims(vector) from embeddings where model_id = m.id limit 1) as found,
           to_regclass('ix_embeddings_model_' || m.id) is not null
           or not exists (select 1 from generations where model_id = m.id and status = 'active') as indexed
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
        elif not row.indexed:
            remedy = "restart the vectorize worker, which makes it"
            yield Finding(check, Verdict.WARNING, "there is no index: searches are slow", remedy)
        else:
            yield Finding(check, Verdict.OK, f"{row.dimension} dimensions, indexed")


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
    return _loaded(settings) if deep else _found(settings.embedding_model)


def _found(name: str) -> Finding:
    if "/" in name and not Path(name).expanduser().exists():
        return Finding("model", Verdict.OK, f"{name} is of a hub, and fetched by the worker; --deep loads it")
    finder: Any = importlib.import_module(FINDER)
    try:
        folder, revision = finder.find_model(name)
    except LookupError as error:
        return Finding("model", Verdict.FAILED, str(error), _REMEDY)
    return Finding("model", Verdict.OK, f"{name} in {folder}, revision {revision}")


_REMEDY = "correct DOCRELAY_EMBEDDING_MODEL: an installed package, a folder, or a hub id"


def _loaded(settings: Settings) -> Finding:
    arguments = [settings.embedding_model, settings.embedding_arithmetic, str(settings.vectorize_threads)]
    process = DocumentProcess(SERVER, arguments, memory_mb=LOAD.memory_mb)
    try:
        facts = process.call("facts", {}, dict[str, Any], LOAD, _Patient())
    except NotReady as error:
        return Finding("model", Verdict.FAILED, str(error), _REMEDY)
    except CallFailed as error:
        said = error.evidence.log[-1:] if error.evidence else []
        return Finding("model", Verdict.FAILED, "; ".join([str(error), *said]), _REMEDY)
    finally:
        process.kill()
    if facts["dimension"] > MOST_DIMENSIONS:
        return Finding("model", Verdict.FAILED, _too_many(facts["dimension"]), "choose another model")
    return Finding(
        "model", Verdict.OK, f"{facts['name']} loads, {facts['dimension']} dimensions, {facts['arithmetic']}"
    )


def _too_many(dimension: int) -> str:
    return f"{dimension} dimensions are more than the {MOST_DIMENSIONS} that can be indexed"
