"""What holds for every `docrelay` command: help, JSON, a place in the documentation, clear errors."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from docrelay.cli.program import COMMANDS, docrelay
from tests.client.shell import Run

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text()
NAMES = {"submit", "jobs", "show", "watch", "wait", "retry", "cancel", "delete", "deliveries", "search", "collections"}
LEAVES = [
    leaf
    for command in COMMANDS
    for leaf in (command.commands.values() if isinstance(command, click.Group) else [command])
]


def options_of(command: click.Command) -> list[click.Option]:
    return [parameter for parameter in command.params if isinstance(parameter, click.Option)]


def test_the_commands_are_those_that_were_promised() -> None:
    assert set(docrelay.commands) == NAMES


@pytest.mark.parametrize("command", LEAVES, ids=lambda command: str(command.name))
def test_every_command_speaks_json_and_explains_itself(command: click.Command) -> None:
    assert "--json" in {name for option in options_of(command) for name in option.opts}
    assert command.help
    assert all(option.help for option in options_of(command))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.name))
def test_every_command_and_option_is_documented(command: click.Command) -> None:
    section = re.search(rf"^## docrelay {command.name}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section, f"docs/cli.md has no section `## docrelay {command.name}`"
    for option in options_of(command):
        for name in option.opts:
            assert name in section[1], f"docs/cli.md does not mention {name} of {command.name}"


def test_the_exit_statuses_are_documented() -> None:
    from docrelay.cli.exits import Exit

    for status in Exit:
        assert re.search(rf"^\| {status.value} \|", PAGE, re.MULTILINE)


def test_no_database_says_what_to_set(docrelay: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DOCRELAY_DATABASE_URL")
    monkeypatch.chdir(tmp_path)
    answer = docrelay("jobs")
    assert answer.code == 1
    assert answer.err.startswith("error: no database: set DOCRELAY_DATABASE_URL=")
    assert answer.out == ""


def test_a_database_without_tables_says_to_migrate(docrelay: Run, empty_url: str) -> None:
    answer = docrelay("--database", empty_url, "jobs")
    assert answer.code == 1
    assert answer.err.startswith("error: the database has not the tables of this version")
    assert answer.err.endswith("run `python -m app migrate`\n")


@pytest.mark.parametrize("url", ["mysql://there/db", "nonsense"])
def test_a_wrong_url_is_one_line(docrelay: Run, url: str) -> None:
    answer = docrelay("--database", url, "jobs")
    assert answer.code == 1
    assert re.fullmatch(r"error: the database URL .*\n", answer.err)


def test_wrong_usage_is_two(docrelay: Run) -> None:
    assert docrelay("jobs", "--status", "sleeping").code == 2
    assert docrelay("submit").code == 2


def test_a_missing_extra_is_one_sentence() -> None:
    program = "import sys; sys.modules['rich'] = None; from docrelay.cli import main; main()"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1
    assert answer.stderr == "error: the docrelay command needs its extra: pip install 'docrelay[cli]'\n"


def test_help_needs_no_database() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "from docrelay.cli import main; main()", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert all(re.search(rf"^  {name} +\S", answer.stdout, re.MULTILINE) for name in NAMES)


def test_a_reader_that_goes_away_is_no_traceback(url: str) -> None:
    program = "from docrelay.cli import main; main()"
    answer = subprocess.run(
        ["bash", "-c", f"{sys.executable} -c '{program}' --database {url!r} jobs --help | true"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in answer.stderr
