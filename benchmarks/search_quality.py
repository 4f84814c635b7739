"""How well search finds: Cranfield and CISI through the whole service, beside brute force over whole abstracts."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from benchmarks.ir_collections import Collection, read_collections
from benchmarks.report import Report
from benchmarks.service import Service, broker, service
from docrelay.names import SearchMode

RANKS = 100
CHUNKS_PER_DOCUMENT = 3
"""Search gives passages; so many for each rank leave enough documents when several are of one."""

CANDIDATES = 50
"""What a search re-ranks if nothing else is said."""

PATIENCE = 120.0
"""Seconds for one search: it is to be judged, however slow the model is here."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure."""

    folder: Path
    broker: str = "embedded"
    seconds: float = 1200.0
    rerank: str = ""
    """A cross-encoder, for one more side."""


Search = Callable[[str], Sequence[str]]
"""A query to the ids of documents, best first, each once."""


def measure(wanted: Wanted) -> Report:
    """Index each collection and ask all its judged queries in every mode.

    Raises:
        FileNotFoundError: the folder holds no collection.
        TooSlow: indexing took longer than `seconds`.
    """
    collections = read_collections(wanted.folder)
    report = Report("search quality, in points of 100: means over all judged queries", {"folder": str(wanted.folder)})
    with ExitStack() as cleanup:
        running = cleanup.enter_context(
            service(cleanup.enter_context(broker(wanted.broker)), rerank_model=wanted.rerank)
        )
        running.warm_up(b"A text to warm up with.")
        for collection in collections:
            _index(running, collection, wanted.seconds)
            for mode in SearchMode:
                report.add(f"{collection.name}, {mode}", _judge(collection, _by_service(running, collection, mode)))
            if wanted.rerank:
                judged = _judge(collection, _by_reranking(running, collection))
                del judged["recall@100"]  # there are only so many candidates
                report.add(f"{collection.name}, hybrid, {CANDIDATES} re-ranked", judged)
            report.add(f"{collection.name}, brute force", _judge(collection, _by_brute_force(collection)))
            running.forget()
    return report


def _index(running: Service, collection: Collection, seconds: float) -> None:
    with TemporaryDirectory(prefix="docrelay-bench-abstracts-") as folder:
        files = [Path(folder) / f"{number}.txt" for number in collection.documents]
        for file, text in zip(files, collection.documents.values(), strict=True):
            file.write_text(text)
        running.client.submit_many(files, collection=collection.name)
    running.wait_all(len(collection.documents), seconds)


def _by_service(running: Service, collection: Collection, mode: SearchMode) -> Search:
    def search(query: str) -> list[str]:
        limit = RANKS * CHUNKS_PER_DOCUMENT
        hits = running.client.search(query, collection=collection.name, mode=mode, limit=limit)
        return list(dict.fromkeys(hit.document.name.removesuffix(".txt") for hit in hits))

    return search


def _by_reranking(running: Service, collection: Collection) -> Search:
    def search(query: str) -> list[str]:
        hits = running.client.search(
            query, collection=collection.name, limit=CANDIDATES, rerank=True, candidates=CANDIDATES, timeout=PATIENCE
        )
        return list(dict.fromkeys(hit.document.name.removesuffix(".txt") for hit in hits))

    return search


def _by_brute_force(collection: Collection) -> Search:
    from sentence_transformers import SentenceTransformer

    from config.settings import Settings
    from pipelines.model_files import find_model

    encoder = SentenceTransformer(str(find_model(Settings().embedding_model)[0]), device="cpu")
    numbers = list(collection.documents)
    matrix = encoder.encode(list(collection.documents.values()), batch_size=32, normalize_embeddings=True)

    def search(query: str) -> list[str]:
        scores = matrix @ encoder.encode([query], normalize_embeddings=True)[0]
        return [numbers[place] for place in scores.argsort()[::-1][:RANKS]]

    return search


def _judge(collection: Collection, search: Search) -> dict[str, float]:
    gains, recalls = [], []
    started = time.monotonic()
    for number, relevant in collection.relevant.items():
        found = search(collection.queries[number])
        gains.append(ndcg(found[:10], relevant, 10))
        recalls.append(len(set(found[:RANKS]) & set(relevant)) / len(relevant))
    spent = 1000 * (time.monotonic() - started) / len(gains)
    return {"nDCG@10": 100 * mean(gains), "recall@100": 100 * mean(recalls), "queries": len(gains), "ms/query": spent}


def ndcg(found: Sequence[str], relevant: Mapping[str, int], ranks: int) -> float:
    """Normalised discounted cumulative gain, with linear gain and log2 discount (Järvelin and Kekäläinen 2002)."""

    def gain(grades: Sequence[int]) -> float:
        return sum(grade / math.log2(place + 2) for place, grade in enumerate(grades[:ranks]))

    return gain([relevant.get(number, 0) for number in found]) / gain(sorted(relevant.values(), reverse=True))
