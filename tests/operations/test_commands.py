"""The entrances: every make target is listed, every command explains itself, errors are one line."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = sorted(path.stem for path in (ROOT / "app" / "commands").glob("[a-z]*.py"))


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        arguments,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_make_alone_lists_every_target() -> None:
    listed = re.findall(r"^  (\w+) +\S", run("make").stdout, re.MULTILINE)
    declared = re.findall(r"^\.PHONY: (\w+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert listed == declared
    assert {"demo", "up", "test", "check"} <= set(listed)


def test_ci_runs_what_a_developer_runs() -> None:
    assert "make check" in (ROOT / ".ci" / "run").read_text()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_a_python_that_does_not_run_is_a_clear_error(tmp_path: Path) -> None:
    answer = run("make", "up", f"VENV={tmp_path / 'venv'}", "PYTHON=/no/such/python")
    assert answer.returncode != 0
    assert "no Python 3.11 to 3.14 at PYTHON=/no/such/python" in answer.stderr


def test_no_registry_is_named_anywhere() -> None:
    for name in ("Makefile", "Dockerfile", "docker-compose.yml", "constraints.txt", "pyproject.toml"):
        assert not re.search(r"https?://\S*(pypi|pytorch|index)", (ROOT / name).read_text()), name


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_listed_and_explains_itself(command: str) -> None:
    assert re.search(rf"^  {command}\s+\S", run(sys.executable, "-m", "app", "--help").stdout, re.MULTILINE)
    assert run(sys.executable, "-m", "app", command, "--help").returncode == 0


def test_every_command_is_documented() -> None:
    pages = "".join(path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    for command in COMMANDS:
        assert re.search(rf"python -m app {command}\b|make {command}\b", pages), command


def test_an_error_of_ours_is_one_line_without_traceback() -> None:
    answer = run(sys.executable, "-m", "app", "up", DOCRELAY_DATABASE_URL="mysql://elsewhere")
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: wrong settings:\n  DOCRELAY_DATABASE_URL=")
    assert "Traceback" not in answer.stderr


def test_a_home_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = run(sys.executable, "-m", "app", "up", DOCRELAY_HOME=str(tmp_path / "file" / "home"))
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: DOCRELAY_HOME=")


def test_every_setting_is_documented() -> None:
    """By its variable's name, in the table of docs/operations.md."""
    page = (ROOT / "docs" / "operations.md").read_text()
    assert [name for name in Settings.model_fields if f"`DOCRELAY_{name.upper()}`" not in page] == []
