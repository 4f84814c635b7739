"""The benchmark of the formats: its count of words, and what it tells of files that are good or bad."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import converters
from benchmarks.__main__ import main
from benchmarks.formats import recall


def test_recall_counts_every_occurrence() -> None:
    assert recall("Ａ word, twice", "a word word twice") == 0.75
    assert recall("anything", "...") == 1.0


def test_bad_files_are_told_with_their_reason(tmp_path: Path) -> None:
    folder = tmp_path / "office_bad"
    folder.mkdir()
    (folder / "cut.docx").write_bytes(b"PK\x03\x04" + bytes(100))
    (folder / "fine.txt").write_text("words")
    result = CliRunner().invoke(main, ["formats", str(tmp_path)])
    assert result.exit_code == 0, result.output
    line = next(line for line in result.output.splitlines() if "cut.docx" in line)
    assert "permanent corrupt" in line
    assert "its directory at the end is missing" in line
    assert "processes that died or had to be killed: 0" in result.output


def test_a_missing_converter_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fine.txt").write_text("words")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(converters.NoConverter, match="apt-get install libreoffice-writer-nogui"):
        CliRunner().invoke(main, ["formats", str(tmp_path)], catch_exceptions=False)
