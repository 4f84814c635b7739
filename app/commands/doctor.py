"""`python -m app doctor`: what is wrong, and what to do."""

import dataclasses
import json
import sys

import click

from config.settings import settings

MARKS = {"ok": "ok     ", "warning": "WARNING", "failed": "FAILED "}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
@click.option("--deep", is_flag=True, help="Load the model too, which takes seconds and memory.")
def command(as_json: bool, deep: bool) -> None:
    """Check broker, database, storage, processes, work, model and disks; exit status 1 if something has failed."""
    from app.doctor import Verdict, examine

    findings = examine(settings(), deep=deep)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(f"{MARKS[finding.verdict]}  {finding.check}: {finding.found}")
            if finding.remedy:
                click.echo(f"         → {finding.remedy}")
    sys.exit(any(finding.verdict is Verdict.FAILED for finding in findings))
