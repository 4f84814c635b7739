"""The `docrelay` command as a shell runs it, on the test's database."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from docrelay.cli import main


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said, and its exit status."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[list[str]]:
        """The cells of each line of a piped table."""
        return [line.split("\t") for line in self.out.splitlines()]


Run = Callable[..., Answer]


@pytest.fixture
def docrelay(url: str, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs the `docrelay` command in a pipe."""
    monkeypatch.setenv("DOCRELAY_DATABASE_URL", url)

    def run(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["docrelay", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsysbinary.readouterr()
        code = ended.value.code
        assert code is None or isinstance(code, int)
        return Answer(code or 0, said.out.decode(), said.err.decode())

    return run
