"""`docrelay search` and `docrelay collections`."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from docrelay.cli.options import json_option, with_client
from docrelay.cli.present import console, print_json, print_table, printable, size
from docrelay.client import Client
from docrelay.views import Hit, plain

EXCERPT = 320


@click.command()
@click.argument("query", nargs=-1, required=True, metavar="QUERY...")
@click.option("-c", "--collection", help="Only in this collection.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=5, show_default=True, help="At most so many.")
@click.option("--timeout", type=float, default=10, show_default=True, metavar="SECONDS", help="For the query's vector.")
@json_option
@with_client
def search(
    client: Client, /, query: tuple[str, ...], *, collection: str | None, limit: int, timeout: float, as_json: bool
) -> None:
    """Find the passages nearest in meaning to QUERY, best first."""
    hits = client.search(" ".join(query), collection=collection, limit=limit, timeout=timeout)
    if as_json:
        print_json([plain(asdict(hit)) for hit in hits])
        return
    if not hits:
        click.echo("nothing found", err=True)
    print_hits(console(), hits)


def print_hits(out: Console, hits: Sequence[Hit]) -> None:
    """Each hit: score, document, page, heading, and the beginning of the passage."""
    if not out.is_terminal:
        for hit in hits:
            values = (f"{hit.score:.3f}", hit.document.name, str(hit.page), " ".join(hit.text.split()))
            click.echo("\t".join(printable(value) for value in values))
        return
    for hit in hits:
        show_hit(out, hit)


def show_hit(out: Console, hit: Hit) -> None:
    """One hit for a person."""
    pages = f"page {hit.page}" if hit.page == hit.page_last else f"pages {hit.page}–{hit.page_last}"
    heading = f"  {printable(hit.heading)}" if hit.heading else ""
    out.print(
        Text.assemble(
            (f"{hit.score:.2f}", "cyan"), "  ", (printable(hit.document.name), "bold"), f"  {pages}", (heading, "dim")
        )
    )
    passage = textwrap.shorten(printable(" ".join(hit.text.split())), EXCERPT, placeholder=" …")
    out.print(Padding(Text(passage), (0, 0, 0, 6)))


@click.command()
@json_option
@with_client
def collections(client: Client, /, *, as_json: bool) -> None:
    """List the collections, in numbers."""
    found = client.collections()
    if as_json:
        print_json([asdict(collection) for collection in found])
        return
    rows = [
        (
            printable(item.name),
            f"{item.documents:,}",
            f"{item.chunks:,}",
            f"{item.unfinished:,}",
            size(item.bytes),
        )
        for item in found
    ]
    print_table(console(), ("collection", "documents", "chunks", "unfinished", "size"), rows)
