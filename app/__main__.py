"""`python -m app`: the operator's command. Each sub-command is a module of app.commands, loaded when used."""

import importlib
import pkgutil
import sys

import click

import app.commands
from docrelay.errors import DocrelayError


class _Commands(click.Group):
    """Finds `app.commands.<name>:command`; a command that is not used costs no import."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every module of app.commands."""
        return sorted(module.name for module in pkgutil.iter_modules(app.commands.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, or None."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"app.commands.{cmd_name}").command
        return command


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run and look after the Docrelay service."""


def run() -> None:
    """Run the command; an error of ours is one clear line, not a traceback."""
    try:
        main(prog_name="python -m app")
    except DocrelayError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    run()
