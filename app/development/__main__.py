"""`python -m app.development`: RabbitMQ and Postgres for development, until Ctrl-C."""

import contextlib
import signal

import click

from app.development.rabbitmq import rabbitmq
from app.development.server import ServerError
from app.stack.embedded import EmbeddedPostgres
from app.stack.home import Home
from config.settings import settings
from docrelay.errors import DocrelayError


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run RabbitMQ and Postgres on free local ports and print the lines that point the service at them.

    Postgres keeps its data in DOCRELAY_HOME, apart from those of `up`; RabbitMQ's are gone at the end.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    home = Home(settings().home / "services")
    home.make()
    with contextlib.suppress(KeyboardInterrupt), home.lock(), EmbeddedPostgres(home) as postgres, rabbitmq() as broker:
        click.echo("In another terminal (then `make migrate`):\n")
        click.echo(f"export DOCRELAY_DATABASE_URL={postgres.url}")
        click.echo(f"export DOCRELAY_BROKER_URL={broker.url}")
        click.echo(f"export DOCRELAY_BROKER_API_URL={broker.api_url}")
        click.echo("\nCtrl-C stops both.")
        signal.pause()
    click.echo("stopped")


if __name__ == "__main__":
    try:
        main(prog_name="python -m app.development", standalone_mode=True)
    except (DocrelayError, ServerError) as error:
        raise SystemExit(f"error: {error}") from None
