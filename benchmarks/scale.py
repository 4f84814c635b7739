"""Vectors in Postgres by the tens of thousands: writing, the index, queries and what they find; `vector` and `halfvec`.

The vectors are made: clusters on the unit sphere, since chunks of documents are no random directions either. The tables
are those of the service in what matters (a hash, a model, a vector), in a Postgres of their own.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from app.stack.embedded import EmbeddedPostgres
from app.stack.home import Home
from benchmarks.report import Report
from tasks.vector_index import graph_mb

CLUSTERS = 500
SPREAD = 0.8
"""Of a vector around its cluster's middle: neighbours have a cosine of about 0.6, as chunks on one subject do."""

BATCH = 5_000
NEAREST = 10
WIDTHS = (200, 400)
"""`hnsw.ef_search`: what the service takes at least, and what more of it would find."""
INNER = 32
"""Dimensions in which the vectors of a cluster differ: texts fill few of a model's, and in all of them at random every
vector is as far from every other."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure, and how long it may take."""

    vectors: int
    dimension: int
    queries: int
    seconds: float
    seed: int
    grown: bool
    connections: int
    """`m` of the index."""

    candidates: int
    """`ef_construction` of the index."""


def measure(wanted: Wanted) -> Report:
    """Load, index and query both types in turns."""
    import numpy as np

    dice = np.random.default_rng(wanted.seed)
    middles = _unit(dice.standard_normal((CLUSTERS, wanted.dimension)))
    inner = _unit(dice.standard_normal((INNER, wanted.dimension)))
    stored, asked = (_around(dice, middles, inner, count) for count in (wanted.vectors, wanted.queries))
    nearest = np.argpartition(-(asked @ stored.T), NEAREST, axis=1)[:, :NEAREST]
    report = Report(
        "scale: vectors in Postgres",
        {
            "vectors": f"{wanted.vectors:,} made ones of {wanted.dimension} dimensions, {CLUSTERS} clusters of {INNER}",
            "index": f"HNSW, m {wanted.connections}, ef_construction {wanted.candidates}",
            "queries": f"{wanted.queries}, ef_search {WIDTHS[0]} and {WIDTHS[1]}, seed {wanted.seed}",
        },
    )
    give_up = time.monotonic() + wanted.seconds
    with TemporaryDirectory(prefix="docrelay-bench-") as folder:
        Path(folder).chmod(0o711)  # Postgres runs as another user when we are root
        home = Home(Path(folder) / "home")
        home.make()
        with EmbeddedPostgres(home) as server, psycopg.connect(server.url, autocommit=True) as connection:
            ways = ["vector", "halfvec", "vector, halfvec index"]
            ways += ["vector, index first", "vector, halfvec index first"] if wanted.grown else []
            for way in ways:
                if time.monotonic() > give_up:
                    break
                report.add(way, _one(connection, way, wanted, stored, asked, nearest))
    report.compare("size on disk, halfvec to vector", "MB", "halfvec", "vector")
    report.compare("query p50, halfvec to vector", f"p50 ms at {WIDTHS[0]}", "halfvec", "vector")
    for name in ("halfvec", "vector, halfvec index"):
        report.compare(f"time to build the index, {name} to vector", "index s", name, "vector")
    report.compare("writing and indexing, index first to index last", "all s", "vector, index first", "vector")
    return report


def _one(
    connection: psycopg.Connection, way: str, wanted: Wanted, stored: Any, asked: Any, nearest: Any
) -> dict[str, float]:
    kind = way.split(",")[0]
    indexed_as = "halfvec" if "halfvec" in way else "vector"
    dimension = stored.shape[1]
    what = f"(vector::{indexed_as}({dimension})) {indexed_as}_cosine_ops"
    with_ = f"m = {wanted.connections}, ef_construction = {wanted.candidates}"
    index = f"create index scaled_index on scaled using hnsw ({what}) with ({with_})"
    connection.execute("drop table if exists scaled")
    connection.execute(f"create table scaled (id int primary key, vector {kind})".encode())
    connection.execute(f"set maintenance_work_mem = '{graph_mb(*stored.shape)}MB'".encode())
    first = "first" in way
    began = time.monotonic()
    if first:
        connection.execute(index.encode())
    _write(connection, kind, stored)
    written = time.monotonic()
    if not first:
        connection.execute(index.encode())
    indexed = time.monotonic()
    connection.execute("vacuum analyze scaled")
    sizes = connection.execute("select pg_table_size('scaled'), pg_indexes_size('scaled')").fetchone()
    assert sizes is not None
    found: dict[str, float] = {}
    for width in WIDTHS:
        found |= _query(connection, indexed_as, asked, nearest, width)
    return {
        "rows/s": len(stored) / (written - began),
        "index s": indexed - written,
        "all s": indexed - began,
        "MB": sum(sizes) / 1e6,
        "index MB": sizes[1] / 1e6,
        **found,
    }


def _write(connection: psycopg.Connection, kind: str, stored: Any) -> None:
    wide = ">f4" if kind == "vector" else ">f2"
    head = stored.shape[1].to_bytes(2, "big") + b"\0\0"
    copy = b"copy scaled (id, vector) from stdin (format binary)"
    for start in range(0, len(stored), BATCH):
        part = stored[start : start + BATCH].astype(wide)
        with connection.cursor() as cursor, cursor.copy(copy) as into:
            for number, row in enumerate(part, start):
                into.write_row((number.to_bytes(4, "big"), head + row.tobytes()))


def _query(connection: psycopg.Connection, kind: str, asked: Any, nearest: Any, width: int) -> dict[str, float]:
    connection.execute(f"set hnsw.ef_search = {width}".encode())
    dimension = asked.shape[1]
    query = f"select id from scaled order by (vector::{kind}({dimension})) <=> %s::{kind}({dimension}) limit {NEAREST}"
    seconds, found = [], 0
    for vector, truth in zip(asked, nearest, strict=True):
        wanted = str(vector.tolist())
        began = time.monotonic()
        rows = connection.execute(query.encode(), (wanted,)).fetchall()
        seconds.append(time.monotonic() - began)
        found += len({row[0] for row in rows} & set(truth.tolist()))
    of = f" at {width}"
    return {
        f"p50 ms{of}": quantiles(seconds, n=100)[49] * 1000,
        f"p99 ms{of}": quantiles(seconds, n=100)[98] * 1000,
        f"recall@{NEAREST}{of}": found / (NEAREST * len(asked)),
    }


def _around(dice: Any, middles: Any, inner: Any, count: int) -> Any:
    import numpy as np

    vectors = np.empty((count, middles.shape[1]), dtype=np.float32)
    for start in range(0, count, BATCH):
        part = vectors[start : start + BATCH]
        picked = middles[dice.integers(0, len(middles), len(part))]
        part[:] = _unit(picked + SPREAD * _unit(dice.standard_normal((len(part), len(inner))) @ inner))
    return vectors


def _unit(vectors: Any) -> Any:
    import numpy as np

    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
