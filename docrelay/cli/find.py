"""`docrelay search` and `docrelay collections`."""

import re
from collections import ChainMap
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC
from typing import Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from docrelay.cli.options import Metadata, json_option, with_client
from docrelay.cli.present import console, print_json, print_table, printable, size
from docrelay.client import Client
from docrelay.names import SearchMode
from docrelay.views import Hit, plain

EXCERPT = 320
LEAD = 80
"""Characters before the first match, where that is further behind."""


@click.command()
@click.argument("query", nargs=-1, required=True, metavar="QUERY...")
@click.option("-c", "--collection", multiple=True, help="Only in this collection; may be repeated.")
@click.option(
    "--mode", type=click.Choice(list(SearchMode)), default=SearchMode.HYBRID, show_default=True,
    help="By meaning and words, by meaning (vector), or by words (text; needs no worker).",
)  # fmt: skip
@click.option("-m", "--metadata", type=Metadata(), multiple=True, help="Only documents with these pairs.")
@click.option("--document", multiple=True, metavar="ID", help="Only in this document.")
@click.option("--media-type", multiple=True, metavar="TYPE", help="Only in documents of this type.")
@click.option("--since", type=click.DateTime(), help="Only documents submitted then or later, UTC.")
@click.option("--until", type=click.DateTime(), help="Only documents submitted before then, UTC.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=5, show_default=True, help="At most so many.")
@click.option("--rerank", is_flag=True, help="Let the service's cross-encoder order the best.")
@click.option(
    "--candidates", type=click.IntRange(1, 1000), default=50, show_default=True,
    help="How many of the best it reads; --limit at least.",
)  # fmt: skip
@click.option(
    "--timeout", type=float, default=10, show_default=True, metavar="SECONDS",
    help="For the query's vector and the cross-encoder.",
)  # fmt: skip
@json_option
@with_client
def search(client: Client, /, *, query: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Find the passages that answer QUERY, best first.

    "Exact phrases" (in quotes of their own) must be there, -words must not: both count for words only.
    """
    for end in ("since", "until"):
        options[end] = options[end] and options[end].replace(tzinfo=UTC)
    hits = client.search(
        " ".join(query),
        documents=options.pop("document"),
        media_types=options.pop("media_type"),
        metadata=dict(ChainMap(*options.pop("metadata"))),
        **options,
    )
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
    out.print(Padding(excerpt(hit), (0, 0, 0, 6)))


def excerpt(hit: Hit) -> Text:
    """The part of the passage where the first of its matches is, with the words that match in bold."""
    start = 0
    if hit.highlights and hit.highlights[0][1] > EXCERPT:
        start = hit.text.rfind(" ", 0, hit.highlights[0][0] - LEAD) + 1
    words = [
        (printable(match[0]), "bold" if _any_overlaps(hit.highlights, match.span()) else "")
        for match in re.compile(r"\S+").finditer(hit.text, start, start + EXCERPT)
    ]
    if start:
        words.insert(0, ("…", ""))
    if start + EXCERPT < len(hit.text):
        words.append(("…", ""))
    return Text(" ").join(Text(word, style) for word, style in words)


def _any_overlaps(spans: Sequence[tuple[int, int]], word: tuple[int, int]) -> bool:
    return any(first < word[1] and word[0] < last for first, last in spans)


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
