"""What several commands take: a client, ids, --json, --timeout."""

import json
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from docrelay.client import Client
from docrelay.errors import NotFound
from docrelay.views import Job

Given = ParamSpec("Given")
Result = TypeVar("Result")

RECENT_JOBS = 1000
"""Shortened ids are looked for among so many of the newest jobs."""

LEAST_CHARACTERS = 4


class Metadata(click.ParamType[dict[str, Any]]):
    """KEY=VALUE, or a JSON object."""

    name = "KEY=VALUE"

    def convert(
        self, value: str | dict[str, Any], param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
        """The pairs as a dictionary."""
        if isinstance(value, dict):
            return value
        if not value.lstrip().startswith("{"):
            key, equals, text = value.partition("=")
            return {key: text} if equals and key else self.fail(f"{value!r}: expected KEY=VALUE", param, ctx)
        try:
            pairs: dict[str, Any] = json.loads(value)
        except ValueError as error:
            self.fail(f"{value!r} is not a JSON object: {error}", param, ctx)
        return pairs


class PasswordFile(click.ParamType[str]):
    """A file with a password in its first line: on a command line everybody on the machine could read it."""

    name = "FILE"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The password, without the line break after it."""
        try:
            with click.open_file(value, encoding="utf-8") as file:
                return str(file.readline()).rstrip("\r\n")
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
            self.fail(f"{value} cannot be read: {reason}", param, ctx)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
password_option = click.option(
    "--password-file",
    "password",
    type=PasswordFile(),
    metavar="FILE",
    help="Holds what opens an encrypted document; - for stdin. For one.",
)
timeout_option = click.option("--timeout", type=float, metavar="SECONDS", help="Wait no longer; exit status 4 then.")


def with_client(command: Callable[Concatenate[Client, Given], Result]) -> Callable[Given, Result]:
    """Give the command a client as its first argument, closed at its end."""

    @wraps(command)
    def call(*args: Given.args, **options: Given.kwargs) -> Result:
        database = click.get_current_context().find_root().params["database"]
        with Client(database) as client:
            return command(client, *args, **options)

    return call


def find_job(client: Client, job_id: str) -> Job:
    """The job of this id, or of the only recent one that ends so.

    Raises:
        NotFound: there is none, or several end so.
    """
    try:
        return client.get(uuid.UUID(job_id))
    except ValueError:
        pass
    wanted = job_id.lower().lstrip("…")
    found = [job for job in client.jobs(limit=RECENT_JOBS) if str(job.id).endswith(wanted)]
    if len(wanted) < LEAST_CHARACTERS or not found:
        raise NotFound(f"{job_id!r} is no job's id, nor the end of a recent one's")
    if len(found) > 1:
        raise NotFound(f"{job_id!r} is the end of {len(found)} ids; give more of it")
    return found[0]
