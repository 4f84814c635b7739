"""What Postgres itself counted: pages read, and rows read by going through a whole table, foreign keys included."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg

LARGE = (
    "attempts",
    "contents",
    "deliveries",
    "delivery_attempts",
    "documents",
    "events",
    "jobs",
    "pieces",
    "stage_runs",
)
"""The tables that grow with the jobs."""

LARGE_ROWS = 5_000
"""Fewer rows than this are read whole, and should be."""

GONE_SECONDS = 10.0

COUNTERS = """
    select relname, seq_scan, seq_tup_read,
           heap_blks_hit + heap_blks_read + coalesce(idx_blks_hit + idx_blks_read, 0)
           + coalesce(toast_blks_hit + toast_blks_read, 0) + coalesce(tidx_blks_hit + tidx_blks_read, 0) as pages,
           n_live_tup
    from pg_statio_user_tables join pg_stat_user_tables using (relid, relname)
"""
CLIENTS = """
    select count(*) from pg_stat_activity
    where backend_type = 'client backend' and datname = current_database() and pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """Per call: pages (8 KiB, in memory or not) of tables and indexes; of large tables read whole, the rows."""

    pages: float
    whole: Mapping[str, float]


class Counters:
    """Reads them on a connection of its own; nobody else must be at work."""

    def __init__(self, superuser_url: str, *, large_rows: int = LARGE_ROWS) -> None:
        """Connect."""
        self._connection = psycopg.connect(superuser_url, autocommit=True)
        self._large_rows = large_rows
        self._before = self._read()

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()

    def begin(self) -> None:
        """What happened until now does not count."""
        self._before = self._read()

    def end(self, calls: int) -> Counted:
        """What happened since `begin`, for each of so many calls; their connections must be closed by now."""
        after = self._read()
        since = {name: _less(row, self._before.get(name, (0, 0, 0, 0))) for name, row in after.items()}
        whole = {
            name: rows / calls
            for name, (scans, rows, _, _) in since.items()
            if scans and name in LARGE and after[name][3] >= self._large_rows
        }
        return Counted(sum(pages for _, _, pages, _ in since.values()) / calls, whole)

    def _read(self) -> dict[str, tuple[int, int, int, int]]:
        # A server process reports what it counted when it ends, at the latest.
        give_up = time.monotonic() + GONE_SECONDS
        while self._connection.execute(CLIENTS).fetchone() != (0,):
            if time.monotonic() > give_up:
                raise RuntimeError("somebody else uses the database")
            time.sleep(0.01)
        return {row[0]: row[1:] for row in self._connection.execute(COUNTERS).fetchall()}


def _less(row: tuple[int, int, int, int], before: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    scans, rows, pages, live = (after - earlier for after, earlier in zip(row, before, strict=True))
    return scans, rows, pages, live
