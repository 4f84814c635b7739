"""`python -m app reembed`: go over to another embedding model while searches go on with the old one."""

import importlib
from typing import Any

import click

from app.isolation import CallFailed, NotReady
from docrelay.cli.present import console, duration, print_json, print_table

ESTIMATE = "tasks.estimate"
REBUILD = "tasks.rebuild"
"""Named, not imported: the service knows jobs, not models."""


@click.command()
@click.option("--model", help="The new model: an installed package that carries one, a folder, or a hub id.")
@click.option(
    "--arithmetic",
    default="auto",
    show_default=True,
    help="auto, float32, bfloat16, openvino, openvino-bfloat16, openvino-int8, openvino-int8-bfloat16 or gpu-float16.",
)
@click.option("--dry-run", is_flag=True, help="Say what it would cost, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before it begins.")
@click.option("--status", "show_status", is_flag=True, help="Say how far it is.")
@click.option("--abort", "give_up", is_flag=True, help="Stop and remove what was made; searches never saw it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def command(
    model: str | None, arithmetic: str, dry_run: bool, yes: bool, show_status: bool, give_up: bool, as_json: bool
) -> None:
    """Build the index anew with another model, at the lowest priority, and switch when it is complete.

    Searches answer from the old model until the switch, which is one transaction; then the old vectors are removed. It
    goes on by itself after a crash or restart of anything.
    """
    if sum((model is not None, show_status, give_up)) != 1:
        raise click.UsageError("give one of --model, --status and --abort")
    if show_status:
        _show(as_json=as_json)
    elif give_up:
        rebuilding: Any = importlib.import_module(REBUILD)
        click.echo("given up; what was made is being removed" if rebuilding.abort() else "nothing is being built")
    else:
        _begin(str(model), arithmetic, dry_run=dry_run, yes=yes)


def _begin(model: str, arithmetic: str, *, dry_run: bool, yes: bool) -> None:
    estimating: Any = importlib.import_module(ESTIMATE)
    try:
        cost = estimating.estimate(model, arithmetic)
    except (CallFailed, NotReady) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"model    {cost.model}, revision {cost.facts.revision}, {cost.facts.arithmetic}")
    click.echo(
        f"chunks   {cost.chunks:,} in {cost.facts.dimension} dimensions, {cost.tokens:,} tokens of the old model"
    )
    if cost.rate:
        click.echo(f"rate     {cost.rate:,.1f} chunks/s, measured here just now with {cost.sampled} of them")
        workers = max(1, cost.workers)
        click.echo(f"time     about {duration(cost.seconds)} with {workers} worker(s) that have nothing else to do")
    click.echo(f"space    about {cost.megabytes:,.0f} MB more, until the old vectors are removed")
    if dry_run:
        return
    if not yes:
        click.confirm("Begin?", abort=True)
    click.echo(f"generation {estimating.begin(cost)} is being built; see `python -m app reembed --status`")


def _show(*, as_json: bool) -> None:
    estimating: Any = importlib.import_module(ESTIMATE)
    found: dict[str, Any] = estimating.status()
    if as_json:
        print_json(found)
        return
    rows = [
        (kind, str(each["id"]), each["model"], each["arithmetic"], f"{each['documents']:,}", f"{each['chunks']:,}")
        for kind, each in found.items()
        if kind != "failed"
    ]
    print_table(console(), ("generation", "id", "model", "arithmetic", "documents", "chunks"), rows)
    for job in found.get("failed", []):
        click.echo(f"{job['status']}: {job['name']} in {job['collection']}: {job['message']} (job {job['id']})")
    if found.get("failed"):
        click.echo("There is no switch while these are missing: `docrelay retry` them, or delete the documents.")
