"""The measure of quality: what it counts, and that a miss is a miss."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.quality import readers, run
from benchmarks.quality.truth import pairs
from benchmarks.quality.words import score, without_furniture, words

Read = Callable[[Path], list[str]]


def test_words_are_compared_however_they_are_set() -> None:
    assert words("The ﬁrst\nEFFECT of (co-operation)") == ["the", "first", "effect", "of", "cooperation"]
    assert words("e\u0301tude") == words("étude")
    assert words("hyphen-\nation soft\xadhy\xad\nphen pdf\ufffeium") == ["hyphenation", "softhyphen", "pdfium"]
    assert words("hyphen-\nation", join=False) == ["hyphen", "ation"]


def test_scripts_without_spaces_are_counted_by_characters() -> None:
    assert words("日本語 PDF") == ["日", "本", "語", "pdf"]


def test_score_counts_each_word_once() -> None:
    found = score(["a", "b", "a", "c"], ["a c", "c"])
    assert (found.recall, found.precision) == (0.5, 2 / 3)
    assert score(["a", "b", "c"], ["c a b"]).order == 0.5
    assert score([], []).recall == 1.0


def test_words_of_headers_count_and_are_told_apart() -> None:
    pages = [f"Chapter 1 {number}\nfirst\nthe body\nof page {number}\nlast" for number in ("i", "2", "3")]
    assert without_furniture(pages)[0] == "the body"
    found = score(words("Chapter the body"), pages)
    assert (found.recall, found.inside) == (1.0, 2 / 3)
    assert found.precision < 0.5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        (tmp_path / f"{name}.pdf").write_bytes(b"")
    (tmp_path / "one.truth.txt").write_text("alpha beta gamma delta")
    (tmp_path / "two.truth.md").write_text("# Title\n\n[link](http://x) <!-- image -->&amp;")
    return tmp_path


def test_pairs_of_a_folder(folder: Path) -> None:
    one, two = pairs(folder)
    assert (one.independent, two.independent) == (True, False)
    assert words(two.truth) == ["title", "link"]


def _say(monkeypatch: pytest.MonkeyPatch, **texts: str) -> None:
    said: dict[str, Read] = {name: lambda _, text=text: [text] for name, text in texts.items()}  # type: ignore[misc]
    monkeypatch.setattr(run, "readers", lambda **_: said)


def test_targets_met(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _say(monkeypatch, docrelay="alpha beta gamma delta", pypdf="alpha", pdfium="beta", pdftotext="alpha beta gamma")
    assert run.run(folder, glob="one*")
    assert "+25.00" in capsys.readouterr().out


def test_a_miss_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _say(monkeypatch, docrelay="alpha beta gamma", pypdf="alpha", pdfium="alpha beta gamma delta", pdftotext="x")
    assert not run.run(folder)
    said = capsys.readouterr().out
    assert "MISSED: recall of one.pdf: 75.00%, pdfium has 100.00%." in said
    assert "two.pdf:" not in said, "another reader's output may not judge"


def test_pdftotext_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(readers.Missing, match="poppler-utils"):
        readers.readers()
