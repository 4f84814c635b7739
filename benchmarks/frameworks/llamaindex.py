"""LlamaIndex: PyMuPDFReader, IngestionPipeline with a document store, HuggingFaceEmbedding, PGVectorStore.

Settings, from developers.llamaindex.ai ("Ingestion Pipeline", "Ingestion Pipeline + Document Management", "Local
Embeddings with HuggingFace", "Postgres Vector Store"): a document store that is kept, so that what is unchanged is
skipped, with `upserts`; no cache of nodes, which would only hash and write them once more; batches of 32 instead of 10;
no vector index. Its worker processes (`num_workers`) each want a copy of the model and share the same cores: not used.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from llama_index.core import Document
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.schema import NodeRelationship, TextNode, TransformComponent
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.readers.file import PyMuPDFReader
from llama_index.vector_stores.postgres import PGVectorStore

from benchmarks.frameworks.cut import cutter
from benchmarks.frameworks.encoder import BATCH, backend, model_options
from benchmarks.frameworks.serve import serve
from benchmarks.frameworks.task import TABLE, Task, Work


class Cut(TransformComponent):  # type: ignore[misc]  # its package has no types here
    """Documents into nodes by the cutter that all frameworks get."""

    model: str

    def __call__(self, nodes: Sequence[Any], **_: Any) -> list[TextNode]:
        """The nodes of all documents."""
        cut = cutter(self.model)
        return [
            TextNode(text=piece, relationships={NodeRelationship.SOURCE: document.as_related_node_info()})
            for document in nodes
            for piece in cut(document.text)
        ]


class Counted(PGVectorStore):  # type: ignore[misc]
    """The store, with a count of what went into it."""

    added: int = 0

    def add(self, nodes: list[Any], **options: Any) -> list[str]:
        """Store the nodes."""
        self.added += len(nodes)
        found: list[str] = super().add(nodes, **options)
        return found


def load(task: Task) -> Callable[[], Work]:
    """Connect and load the model."""
    embedding = HuggingFaceEmbedding(
        model_name=task.model,
        device="cpu",
        embed_batch_size=BATCH,
        backend=backend(task.arithmetic),
        model_kwargs=model_options(task.arithmetic),
    )
    dimension = len(embedding.get_text_embedding("A text to warm up with."))
    store = Counted.from_params(
        connection_string=task.database.replace("postgresql://", "postgresql+psycopg2://", 1),
        async_connection_string=task.database.replace("postgresql://", "postgresql+asyncpg://", 1),
        table_name=TABLE,
        embed_dim=dimension,
    )
    kept = Path(task.state, "docstore.json")
    documents = SimpleDocumentStore.from_persist_path(str(kept)) if kept.exists() else SimpleDocumentStore()
    pipeline = IngestionPipeline(
        transformations=[Cut(model=task.model), embedding],
        docstore=documents,
        docstore_strategy=DocstoreStrategy.UPSERTS,
        vector_store=store,
        disable_cache=True,
    )

    def work() -> Work:
        found, pages, bad = _read(Path(task.folder))
        pipeline.run(documents=found)
        documents.persist(str(kept))
        return Work(pages, store.added, bad, f"data_{TABLE}")

    return work


def _read(folder: Path) -> tuple[list[Document], int, int]:
    reader, documents, pages, bad = PyMuPDFReader(), [], 0, 0
    for file in sorted(folder.iterdir()):
        try:
            found = reader.load(file, metadata=False)
        except Exception:  # noqa: BLE001 - whatever it raises for a bad file
            bad += 1
            continue
        pages += len(found)
        documents.append(Document(text="\n".join(page.text for page in found), id_=file.name))
    return documents, pages, bad


if __name__ == "__main__":
    serve(load)
