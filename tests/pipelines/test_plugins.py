"""Parsers of other packages, each a small distribution in a folder, read by a document process."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.isolation import DocumentProcess, Limits, WorkRefused
from pipelines.documents import ParsedDocument

ROOMY = Limits(60, 60, 512)
VTT = b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello there.\n\n01:02:03.000 --> 01:02:05.000\nMuch later.\nBye.\n"


class Nobody:
    def check(self) -> None:
        pass

    def progress(self, done: int, total: int) -> None:
        pass


Parse = Callable[[bytes, str], ParsedDocument]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Parse]]:
    """Install a module with an entry point, as pip would; gives a function that parses in a process that sees it."""
    processes: list[DocumentProcess] = []

    def installed(code: str, target: str) -> Parse:
        (tmp_path / "subtitles.py").write_text(code)
        info = tmp_path / "docrelay_subtitles-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: docrelay-subtitles\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[docrelay.parsers]\nwebvtt = {target}\n")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        processes.append(DocumentProcess("tasks.isolated.parse", memory_mb=512))

        def parse(data: bytes, name: str) -> ParsedDocument:
            arguments = {"data": data, "name": name, "engine": "default"}
            return processes[-1].call("parse", arguments, ParsedDocument, ROOMY, Nobody())

        return parse

    yield installed
    for process in processes:
        process.kill()


def example() -> tuple[str, str]:
    """The code of the documentation's example, and the target of its entry point."""
    page = Path("docs/parsers.md").read_text()
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    target = re.search(r'^webvtt = "(.*)"$', page, re.MULTILINE)
    assert code is not None
    assert target is not None
    return code[1], target[1]


def test_the_documented_example_works(install: Callable[[str, str], Parse]) -> None:
    parse = install(*example())
    parsed = parse(VTT, "talk.vtt")
    assert parsed.media_type == "text/vtt"
    assert [(page.label, page.text) for page in parsed.pages] == [
        ("minute 0", "Hello there."),
        ("minute 62", "Much later.\nBye."),
    ]
    assert parse(b"# Other\n\ndocuments", "other.md").media_type == "text/markdown"
    with pytest.raises(WorkRefused, match="hold no cue"):
        parse(b"WEBVTT\n", "empty.vtt")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise KeyError('cue')", "KeyError: 'cue'"),
        ("return 'text'", "TypeError: it gave a str, not a ParsedDocument"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import pipelines.documents as d; return d.ParsedDocument('x', 1, [d.Page(1, None, 7)], [], {}, [])", "str"),
    ],
)
def test_a_broken_parser_is_named(install: Callable[[str, str], Parse], body: str, said: str) -> None:
    code = "class P:\n  media_types = ['text/vtt']\n  def score(self, sniffed, name):\n"
    code += f"    return name.endswith('.vtt')\n  def parse(self, source, limits, report):\n    {body}\n"
    parse = install(code, "subtitles:P")
    with pytest.raises(WorkRefused) as caught:
        parse(VTT, "talk.vtt")
    refusal = caught.value.refusal
    assert (refusal.error_class, refusal.code) == ("permanent", "parser_failed")
    assert "The parser 'webvtt' of the package 'docrelay-subtitles' failed on this document: " in refusal.message
    assert said in refusal.message
    assert parse(b"other", "other.txt").pages[0].text == "other"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("class P: media_types = []", "it has no method score"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
    ],
)
def test_a_parser_that_cannot_be_loaded_is_named(install: Callable[[str, str], Parse], code: str, said: str) -> None:
    parse = install(code, "subtitles:P")
    assert parse(b"other", "other.txt").pages[0].text == "other"
    with pytest.raises(WorkRefused) as caught:
        parse(bytes(range(256)), "unknown.bin")
    assert caught.value.refusal.code == "unsupported"
    assert (
        "The parser 'webvtt' of the package 'docrelay-subtitles' could not be loaded: " in caught.value.refusal.message
    )
    assert said in caught.value.refusal.message


def test_a_score_that_fails_is_none(install: Callable[[str, str], Parse]) -> None:
    code = "class P:\n  media_types = []\n  def score(self, sniffed, name): return 1 / 0\n  def parse(self, *_): ...\n"
    assert install(code, "subtitles:P")(b"other", "other.txt").media_type == "text/plain"
