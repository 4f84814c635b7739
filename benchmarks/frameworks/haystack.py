"""Haystack: a Pipeline of PyPDFToDocument, DocumentSplitter, SentenceTransformersDocumentEmbedder and DocumentWriter.

Settings, from docs.haystack.deepset.ai ("PyPDFToDocument", "DocumentSplitter", "SentenceTransformersDocumentEmbedder",
"PgvectorDocumentStore", "DocumentWriter"): its splitter by a function of one's own; all files in one run, because the
embedder sorts by length what it gets at once; `backend` and `model_kwargs`; what is there already is skipped when it
is written; exact search, without a vector index.
"""

from collections.abc import Callable
from pathlib import Path

from haystack import Pipeline
from haystack.components.converters import PyPDFToDocument
from haystack.components.preprocessors import DocumentSplitter
from haystack.components.writers import DocumentWriter
from haystack.document_stores.types import DuplicatePolicy
from haystack.utils import ComponentDevice, Secret
from haystack_integrations.components.embedders.sentence_transformers import SentenceTransformersDocumentEmbedder
from haystack_integrations.document_stores.pgvector import PgvectorDocumentStore

from benchmarks.frameworks.cut import cutter
from benchmarks.frameworks.encoder import BATCH, backend, model_options
from benchmarks.frameworks.serve import serve
from benchmarks.frameworks.task import TABLE, Task, Work

DIMENSION = 384


def load(task: Task) -> Callable[[], Work]:
    """Connect, load the model, connect the components."""
    embedder = SentenceTransformersDocumentEmbedder(
        model=task.model,
        device=ComponentDevice.from_str("cpu"),
        batch_size=BATCH,
        progress_bar=False,
        backend=backend(task.arithmetic),
        model_kwargs=model_options(task.arithmetic),
    )
    embedder.warm_up()
    store = PgvectorDocumentStore(
        connection_string=Secret.from_token(task.database),
        table_name=TABLE,
        embedding_dimension=DIMENSION,
        create_extension=False,
    )
    store.count_documents()  # connects and makes the table
    pipeline = Pipeline()
    pipeline.add_component("read", PyPDFToDocument())
    pipeline.add_component("cut", DocumentSplitter(split_by="function", splitting_function=cutter(task.model)))
    pipeline.add_component("embed", embedder)
    pipeline.add_component("write", DocumentWriter(store, policy=DuplicatePolicy.SKIP))
    for first, second in (("read", "cut"), ("cut", "embed"), ("embed", "write")):
        pipeline.connect(first, second)

    def work() -> Work:
        files = sorted(Path(task.folder).iterdir())
        found = pipeline.run({"read": {"sources": files}}, include_outputs_from={"read", "cut"})
        texts = [document.content or "" for document in found["read"]["documents"]]
        pages = sum(text.count("\f") + 1 for text in texts)
        return Work(pages, len(found["cut"]["documents"]), len(files) - len(texts))

    return work


if __name__ == "__main__":
    serve(load)
