"""Trying one break: a copy of the code, the replaced text, the harness, and what that said."""

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from chaos.mutations.catalogue import Mutation

ROOT = Path(__file__).resolve().parents[2]

COPIED = ("app", "chaos", "config", "docrelay", "pipelines", "tasks", "pyproject.toml")

NOTICED = re.compile(r"^(?:error: )?(BROKEN|TOO LATE|LEFT BEHIND|NOT ALL) ?(.*)$", re.MULTILINE)
"""What the harness writes when a promise was broken. A fault that could not be injected proves nothing."""

TRIAL_SECONDS = 1800.0


class NotApplied(Exception):  # noqa: N818
    """The text that a mutation replaces is not there any more: the mutation has to be brought up to date."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one."""

    mutation: Mutation
    status: int
    findings: list[str]
    output: str

    @property
    def noticed(self) -> bool:
        """Whether the harness failed, and for a broken promise."""
        return self.status == 1 and bool(self.findings)


def apply(mutation: Mutation, folder: Path) -> None:
    """Replace the texts in a copy of the code.

    Raises:
        NotApplied: one of them is not there exactly once.
    """
    for edit in mutation.edits:
        path = folder / edit.file
        text = path.read_text()
        if text.count(edit.old) != 1:
            raise NotApplied(f"{mutation.name}: {edit.file} has {text.count(edit.old)} times: {edit.old.strip()}")
        path.write_text(text.replace(edit.old, edit.new))


def copy(folder: Path) -> None:
    """Copy the code, without what it has left."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)


def attempt(mutation: Mutation, arguments: list[str]) -> Trial:
    """Run the harness on a broken copy.

    Raises:
        NotApplied: the mutation is out of date.
    """
    with tempfile.TemporaryDirectory(prefix="docrelay-mutation-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        copy(folder)
        apply(mutation, folder)
        (folder / "home").mkdir()
        only = [word for fault in mutation.only for word in ("--only", fault)]
        options = ["--documents", str(mutation.documents), "--faults", str(mutation.faults), "--overlap", "0"]
        options += ["--patience", "40", "--home", str(folder / "home"), *only, *arguments]
        # Isolated from the installed code: the working folder comes first on the path.
        command = [sys.executable, "-m", "chaos", *options]
        status, output = _run(command, folder)
    findings = [" ".join(found).strip() for found in NOTICED.findall(output)]
    return Trial(mutation, status, findings, output)


def _run(command: list[str], folder: Path) -> tuple[int, str]:
    """Its exit status, and all that it said. It gets the time to take down what it has set up, whatever ends us."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        output, _ = process.communicate(timeout=TRIAL_SECONDS)
    except BaseException:
        process.terminate()
        process.communicate()
        raise
    return process.returncode, output
