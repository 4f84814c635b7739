"""CocoIndex: its walk, memory and Postgres target around functions of one's own, as its PDF example has it.

Settings, from cocoindex.io/docs (version 1: "PDF embedding", "Functions", "Sentence Transformers"): one component for
each file, memoised; texts of all files gathered into batches of 64, as its own SentenceTransformerEmbedder does. That
class takes no backend and no dtype, so a function with the same decorator calls the model. It reads no PDFs itself:
pdfium does, the fastest here. No vector index.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import cocoindex as coco
import numpy
from cocoindex.connectors import localfs, postgres
from cocoindex.resources.file import FileLike
from cocoindex.resources.id import IdGenerator
from cocoindex.resources.schema import VectorSchema
from numpy.typing import NDArray
from pypdfium2 import PdfDocument
from sentence_transformers import SentenceTransformer

from benchmarks.frameworks.cut import cutter
from benchmarks.frameworks.encoder import backend, model_options
from benchmarks.frameworks.serve import serve
from benchmarks.frameworks.task import TABLE, Task, Work

POOL = coco.ContextKey[asyncpg.Pool]("rival_pool")
DIMENSION = 384
_models: dict[str, SentenceTransformer] = {}
_seen = {"pages": 0, "chunks": 0, "bad": 0}


@dataclass
class Row:
    """What is stored of a chunk."""

    id: int
    file: str
    text: str
    embedding: Annotated[NDArray[numpy.float32], VectorSchema(dtype=numpy.dtype(numpy.float32), size=DIMENSION)]


@coco.fn.as_async(batching=True, runner=coco.GPU, max_batch_size=64)
def embed(texts: list[str]) -> list[NDArray[numpy.float32]]:
    """Called for one text by whoever wants its vector, and here with those of all who do."""
    (model,) = _models.values()
    return list(model.encode(texts, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False))


@coco.fn
async def store(text: str, file: str, ids: IdGenerator, model: str, table: Any) -> None:
    """One chunk."""
    table.declare_row(row=Row(await ids.next_id(text), file, text, await embed(text)))


@coco.fn(memo=True)
async def process(file: FileLike, model: str, table: Any) -> None:
    """One file, unless nothing of it has changed."""
    try:
        with PdfDocument(await file.read()) as document:
            pages = [page.get_textpage().get_text_range() for page in document]
    except Exception:  # noqa: BLE001 - whatever it raises for a bad file
        _seen["bad"] += 1
        return
    pieces = cutter(model)("\n".join(pages))
    _seen["pages"] += len(pages)
    _seen["chunks"] += len(pieces)
    await coco.map(store, pieces, str(file.file_path.path), IdGenerator(), model, table)


@coco.fn
async def everything(folder: Path, model: str) -> None:
    """All files of the folder."""
    schema = await postgres.TableSchema.from_class(Row, primary_key=["id"])
    table = await postgres.mount_table_target(POOL, table_name=TABLE, table_schema=schema)
    await coco.mount_each(process, localfs.walk_dir(folder).items(), model, table)


def load(task: Task) -> Callable[[], Work]:
    """Load the model; it connects when it begins to work."""
    model = SentenceTransformer(
        task.model, device="cpu", backend=backend(task.arithmetic), model_kwargs=model_options(task.arithmetic)
    )
    model.encode(["A text to warm up with."])
    _models[task.model] = model

    @coco.lifespan
    async def lifespan(builder: coco.EnvironmentBuilder) -> AsyncIterator[None]:
        builder.settings.db_path = Path(task.state, "memory")
        async with await asyncpg.create_pool(task.database) as pool:
            builder.provide(POOL, pool)
            yield

    app = coco.App(coco.AppConfig(name="rival"), everything, folder=Path(task.folder), model=task.model)
    coco.start_blocking()

    def work() -> Work:
        app.update_blocking()
        return Work(_seen["pages"], _seen["chunks"], _seen["bad"])

    return work


if __name__ == "__main__":
    serve(load)
