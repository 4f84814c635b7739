"""`python -m app secret`: what a receiver of notifications needs."""

import click

from app.receivers import secret_for
from app.stack.home import Home
from config.settings import settings
from docrelay.errors import ConfigError


@click.command()
@click.argument("url")
def command(url: str) -> None:
    """Print the secret with which notifications to URL are signed.

    Give it to whoever runs the receiver; it is of no use for any other URL. Signatures follow the
    Standard Webhooks scheme.
    """
    master = settings().webhook_secret.get_secret_value() or Home(settings().home).known_secret("webhook")
    if not master:
        raise ConfigError("DOCRELAY_WEBHOOK_SECRET is not set, and no embedded service has made one here")
    click.echo(secret_for(master, url))
