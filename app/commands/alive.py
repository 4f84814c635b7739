"""`python -m app alive`: a container's health check."""

import socket

import click
import psycopg

from config.settings import settings
from docrelay.database import CONNECT, find_url
from docrelay.errors import Unavailable

STATEMENT = """
    SELECT extract(epoch FROM now() - max(beat_at))::float FROM processes WHERE host = %s
"""


@click.command()
@click.option("--within", default=60.0, show_default=True, help="Seconds since the last report.")
def command(within: float) -> None:
    """Say whether a dispatcher or worker on this host has reported lately; exit status 1 if not."""
    url = find_url(settings().database_url or None).replace("+psycopg", "", 1)
    try:
        with psycopg.connect(url, **CONNECT) as connection:
            row = connection.execute(STATEMENT, [socket.gethostname()]).fetchone()
    except psycopg.OperationalError as error:
        raise Unavailable(f"the database cannot be reached: {str(error).splitlines()[0]}") from None
    age = row[0] if row else None
    if age is None or age > within:
        raise Unavailable("no process here has reported" if age is None else f"the last report is {age:.0f} s old")
    click.echo(f"reported {age:.0f} s ago")
