"""The plans of statements as they are executed: each is explained, with what it really read, just before it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import event
from sqlalchemy.pool import Pool

EXPLAINED = ("select", "with", "insert", "update", "delete")

Plan = dict[str, Any]


@contextmanager
def explaining() -> Iterator[list[Plan]]:
    """The plans of all that connections run that are opened within the block, as `statement` and Postgres' own JSON."""
    found: list[Plan] = []

    class Explaining(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            text = query.decode() if isinstance(query, bytes) else str(query)
            if text.lstrip(" \n(").lower().startswith(EXPLAINED):
                found.append({"statement": " ".join(text.split()), **_explain(self.connection, text, params)})
            return super().execute(query, params, **options)

    def opened(connection: psycopg.Connection, _record: object) -> None:
        connection.cursor_factory = Explaining

    event.listen(Pool, "connect", opened)
    try:
        yield found
    finally:
        event.remove(Pool, "connect", opened)


def _explain(connection: psycopg.Connection[Any], text: str, params: Any) -> Plan:
    # What it changes is undone, and then happens once, when it is executed for the caller.
    with connection.transaction(force_rollback=True):
        cursor = psycopg.Cursor(connection)
        cursor.execute(f"explain (analyze, buffers, format json) {text}".encode(), params, prepare=False)
        row = cursor.fetchone()
    assert row is not None
    plan: Plan = row[0][0]
    return plan


def nodes(plan: Plan) -> Iterator[Plan]:
    """The nodes of a plan, the top one first."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def ways(plans: list[Plan]) -> list[str]:
    """How tables are reached in these plans: `jobs by ix_jobs_held`, `jobs whole`; each once."""
    found = (_way(node) for plan in plans for node in nodes(plan["Plan"]))
    return sorted({way for way in found if way})


def _way(node: Plan) -> str | None:
    kind = node["Node Type"]
    if kind in ("Index Scan", "Index Only Scan"):
        return f"{node['Relation Name']} by {node['Index Name']}"
    if kind == "Bitmap Index Scan":
        return f"bitmap of {node['Index Name']}"
    return f"{node['Relation Name']} whole" if kind == "Seq Scan" else None
