"""The fuzzer: the same cases again for the same seed, and harm that is seen."""

from io import BytesIO
from pathlib import Path
from random import Random
from zipfile import ZipFile

import pytest

from benchmarks.fuzzing import run as fuzz
from benchmarks.fuzzing.archives import mutated_archive
from benchmarks.fuzzing.cases import case, seeds
from benchmarks.fuzzing.mutations import OF_PDF, mutated, stream

PDF = b"%PDF-1.4\n1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj\nxref\n0 1\n0000000000 65535 f\nstartxref\n9\n%%EOF"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.pdf").write_bytes(PDF)
    (tmp_path / "b.txt").write_text("some words\n" * 20)
    (tmp_path / "large.txt").write_bytes(b"x" * 5_000)
    return tmp_path


def test_a_case_is_made_again_from_its_number(folder: Path) -> None:
    found = seeds(folder, 1_000)
    assert [each.name for each in found] == ["a.pdf", "b.txt"]
    assert [case(number, 7, found) for number in range(50)] == [case(number, 7, found) for number in range(50)]
    assert case(1, 7, found) != case(1, 8, found)
    assert {case(number, 7, found).name for number in range(50)} == {"a.pdf", "b.txt"}


def test_every_mutation_takes_any_bytes() -> None:
    for mutation in OF_PDF:
        for data in (b"x", PDF, b"stream\nx\nendstream"):
            assert isinstance(mutation(bytearray(data), Random(1)), bytearray)
    assert len({mutated(PDF, OF_PDF, Random(number)) for number in range(40)}) > 30


def test_a_stream_is_broken_within() -> None:
    broken = bytes(stream(bytearray(b"stream\n" + b"BT (text) Tj ET " * 9 + b"\nendstream"), Random(3)))
    assert broken.startswith(b"stream\nx")
    assert broken.endswith(b"\nendstream")


def test_members_of_an_archive_are_broken() -> None:
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr("one.xml", "<a><b>text</b></a>")
        archive.writestr("two.txt", "text")
    changed = 0
    for number in range(30):
        try:
            with ZipFile(BytesIO(mutated_archive(buffer.getvalue(), Random(number)))) as archive:
                changed += (
                    archive.namelist() != ["one.xml", "two.txt"] or archive.read("one.xml") != b"<a><b>text</b></a>"
                )
        except Exception:  # noqa: BLE001 - the container itself was broken
            changed += 1
    assert changed > 20


def test_a_run_tells_what_became_of_the_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.run(fuzz.Wanted(folder, files=12, parallel=1, largest=1_000))
    said = capsys.readouterr().out
    assert "12 mutated files of 2 seeds" in said
    assert "hangs, deaths, errors without a class: none" in said


def test_harm_is_seen_and_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fuzz, "MODULE", "tests.benchmarks.deadly")
    assert not fuzz.run(fuzz.Wanted(folder, parallel=1, largest=1_000, only=3, keep=folder / "kept"))
    said = capsys.readouterr().out
    assert "hangs, deaths, errors without a class: 1" in said
    assert "SIGSEGV" in said
    assert len(list((folder / "kept").iterdir())) == 1
