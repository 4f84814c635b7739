"""The group of all commands, and what a person sees when one of them cannot do its work."""

import sys

import click

from docrelay.cli.change import cancel, delete, retry
from docrelay.cli.deliveries import deliveries
from docrelay.cli.exits import exit_of
from docrelay.cli.find import collections, search
from docrelay.cli.look import jobs, show
from docrelay.cli.submit import submit
from docrelay.cli.waiting import wait, watch
from docrelay.errors import DocrelayError

COMMANDS = (submit, jobs, show, watch, wait, retry, cancel, delete, deliveries, search, collections)


class _InOrder(click.Group):
    """Lists the commands in the order of a document's life rather than by the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--database", metavar="URL", help="Instead of DOCRELAY_DATABASE_URL or the embedded stack that runs here."
)
@click.version_option(package_name="docrelay", message="%(prog)s %(version)s")
def docrelay(database: str | None) -> None:
    """Submit documents, watch their jobs, search their text.

    The database is --database, else DOCRELAY_DATABASE_URL, else that of the embedded stack which
    `python -m app up` runs (its address is in DOCRELAY_HOME, by default .docrelay).

    An ID may be shortened to its last characters, as the tables show it.

    \b
    Exit status: 0 what was asked succeeded   3 a job that was waited for failed
                 1 an error                   4 it was not over in time
                 2 wrong usage
    """


for _command in COMMANDS:
    docrelay.add_command(_command)


def run() -> None:
    """Run the command; an error of ours is one line on stderr."""
    try:
        docrelay(prog_name="docrelay")
    except DocrelayError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(exit_of(error))
