"""`python -m app collection`: how much of the workers each collection gets."""

import click
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from app.operator import ask
from docrelay.cli.present import console, print_json, print_table
from docrelay.tables import CollectionShare

LARGEST_WEIGHT = 1000


@click.group()
def command() -> None:
    """Weights and caps: who gets how much while there is more to do than the workers can."""


@command.command("set")
@click.argument("name")
@click.option(
    "--weight", default=1, show_default=True, type=click.IntRange(1, LARGEST_WEIGHT), help="Turns to another's 1."
)
@click.option(
    "--cap", type=click.IntRange(1), help="So many stages at once, at most; without it, as many as there are."
)
def set_(name: str, weight: int, cap: int | None) -> None:
    """Give a collection its share; dispatchers go by it at once. Priorities come before it."""
    row = upsert(CollectionShare).values(collection=name, weight=weight, cap=cap)
    _run(row.on_conflict_do_update(index_elements=["collection"], set_={"weight": weight, "cap": cap}))
    click.echo(f"{name}: weight {weight}, {f'at most {cap} at once' if cap else 'no cap'}")


@command.command("unset")
@click.argument("name")
def unset(name: str) -> None:
    """Let a collection have its equal share again."""
    _run(delete(CollectionShare).where(CollectionShare.collection == name))
    click.echo(f"{name}: weight 1, no cap")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(*, as_json: bool) -> None:
    """List the collections with a share of their own; all others have weight 1 and no cap."""
    columns = (CollectionShare.collection, CollectionShare.weight, CollectionShare.cap)
    rows = [tuple(row) for row in _run(select(*columns).order_by(CollectionShare.collection))]
    if as_json:
        print_json([{"collection": name, "weight": weight, "cap": cap} for name, weight, cap in rows])
        return
    print_table(console(), ("collection", "weight", "cap"), [(str(a), str(b), str(c or "")) for a, b, c in rows])


def _run(statement: object) -> list[tuple[object, ...]]:
    def work(connection: Connection) -> list[tuple[object, ...]]:
        result = connection.execute(statement)  # type: ignore[call-overload]
        return list(result.all()) if result.returns_rows else []

    return ask("collection", work)
