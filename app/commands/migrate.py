"""`python -m app migrate`: tables, pipelines, queues."""

import click

from config.settings import settings


@click.command()
def command() -> None:
    """Bring the database and the broker to what this version needs; safe to repeat."""
    from app.migrate import migrate

    for line in migrate(settings()):
        click.echo(line)
