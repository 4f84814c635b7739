"""The pipelines as rows: what clients may ask for, written by `migrate`."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert as upsert

from config.settings import Settings
from docrelay.names import RECUR_PIPELINE, RECUR_STAGE, Queue
from docrelay.tables import Pipeline
from docrelay.transitions import generations
from pipelines import PIPELINES, StageSpec
from pipelines.chunk import CHUNKER_VERSION
from pipelines.model_files import whole
from pipelines.parse import version

QUEUES = {"parse": Queue.PARSE, "ocr": Queue.OCR, "vectorize": Queue.VECTORIZE, "notify": Queue.NOTIFY}


def register(connection: Connection, settings: Settings) -> list[str]:
    """Write all pipelines, those of `DOCRELAY_TASK_MODULES` too; their names."""
    # Without the model: all documents are embedded by that of the active generation, and again before another is.
    generations.name(connection, whole(settings.embedding_model), settings.embedding_arithmetic)
    parser = version(every_line=settings.pdf_every_line)
    fingerprint = f"parser {parser}, chunker {CHUNKER_VERSION}, ocr {settings.ocr_languages}"
    rows = [*_ours(fingerprint), _recur(), *_others(settings)]
    for values in rows:
        row = upsert(Pipeline).values(**values)
        changes = {"stages": row.excluded.stages, "fingerprint": row.excluded.fingerprint}
        connection.execute(row.on_conflict_do_update(index_elements=["name"], set_=changes))
    return [str(values["name"]) for values in rows]


def _ours(fingerprint: str) -> Iterator[dict[str, Any]]:
    for name, stages in PIPELINES.items():
        yield {"name": name, "stages": [_stage(spec) for spec in stages], "fingerprint": fingerprint}


def _recur() -> dict[str, Any]:
    """What recurring jobs pass; not for documents. An entry's `limit` takes the place of the seconds."""
    stages = [_stage(StageSpec(RECUR_STAGE, 3600, 3600, 512), Queue.RECUR), _stage(PIPELINES["index"][-1])]
    return {"name": RECUR_PIPELINE, "stages": stages, "fingerprint": "1"}


def _others(settings: Settings) -> Iterator[dict[str, Any]]:
    """A module of the user's has `PIPELINES`: name to stages, as (stage, queue), and a `FINGERPRINT`."""
    for module_name in filter(None, settings.task_modules.split(",")):
        module = importlib.import_module(module_name)
        own: Mapping[str, Sequence[tuple[StageSpec, Queue]]] = getattr(module, "PIPELINES", {})
        for name, stages in own.items():
            rows = [_stage(spec, queue) for spec, queue in stages]
            yield {"name": name, "stages": rows, "fingerprint": str(getattr(module, "FINGERPRINT", "1"))}


def _stage(spec: StageSpec, queue: Queue | None = None) -> dict[str, Any]:
    return {
        "name": spec.name,
        "queue": (queue or QUEUES[spec.name]).value,
        "seconds": spec.seconds,
        "silence": spec.silence,
        "memory_mb": spec.memory_mb,
        "after_outcome": spec.after_outcome,
        "on_demand": spec.on_demand,
    }
