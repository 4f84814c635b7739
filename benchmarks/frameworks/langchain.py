"""LangChain: PyMuPDFLoader, HuggingFaceEmbeddings, the indexing API, PGVectorStore.

Settings, from docs.langchain.com (integrations "PyMuPDF", "Hugging Face embeddings", "PGVectorStore"; "Indexing API"):
the loader around MuPDF with `mode="single"`; sentence-transformers' options by `model_kwargs`; large batches for
`index`, because `encode` sorts by length what it gets at once; `cleanup="incremental"`, which replaces a changed
document; no vector index. Its store writes row by row, whatever one sets.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from langchain_classic.indexes import SQLRecordManager
from langchain_community.document_loaders import PyMuPDFLoader
from langchain_core.documents import Document
from langchain_core.indexing import index
from langchain_huggingface import HuggingFaceEmbeddings
from langchain_postgres import Column, PGEngine, PGVectorStore

from benchmarks.frameworks.cut import cutter
from benchmarks.frameworks.encoder import BATCH, backend, model_options
from benchmarks.frameworks.serve import serve
from benchmarks.frameworks.task import TABLE, Task, Work

AT_ONCE = 1000


def load(task: Task) -> Callable[[], Work]:
    """Connect and load the model."""
    embeddings = HuggingFaceEmbeddings(
        model_name=task.model,
        model_kwargs={
            "device": "cpu",
            "backend": backend(task.arithmetic),
            "model_kwargs": model_options(task.arithmetic),
        },
        encode_kwargs={"batch_size": BATCH},
    )
    dimension = len(embeddings.embed_query("A text to warm up with."))
    records = SQLRecordManager("rival", db_url=_url(task, "psycopg"))
    records.create_schema()
    engine = PGEngine.from_connection_string(_url(task, "asyncpg"))
    first = Path(task.state, "made")
    if not first.exists():
        # Keys of the indexing API are hashes, no UUIDs.
        engine.init_vectorstore_table(TABLE, dimension, id_column=Column("langchain_id", "TEXT"))
        first.touch()
    store = PGVectorStore.create_sync(engine, embeddings, TABLE)
    cut = cutter(task.model)

    def work() -> Work:
        pages = chunks = bad = 0

        def documents() -> Iterator[Document]:
            nonlocal pages, chunks, bad
            for file in sorted(Path(task.folder).iterdir()):
                try:
                    (whole,) = PyMuPDFLoader(file, mode="single").load()
                except Exception:  # noqa: BLE001 - whatever it raises for a bad file
                    bad += 1
                    continue
                pages += whole.metadata["total_pages"]
                for place, piece in enumerate(cut(whole.page_content)):
                    chunks += 1
                    yield Document(page_content=piece, metadata={"source": file.name, "place": place})

        index(
            documents(),
            records,
            store,
            batch_size=AT_ONCE,
            cleanup="incremental",
            source_id_key="source",
            key_encoder="sha256",
        )
        return Work(pages, chunks, bad)

    return work


def _url(task: Task, driver: str) -> str:
    return task.database.replace("postgresql://", f"postgresql+{driver}://", 1)


if __name__ == "__main__":
    serve(load)
