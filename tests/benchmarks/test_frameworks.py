"""What the measurement beside frameworks does itself: environments, conversation, cutting, counting, comparing."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.frameworks import environments, rival
from benchmarks.frameworks.cut import SPECIAL, cutter, tokenizer, window
from benchmarks.frameworks.environments import FRAMEWORKS, NotInstalled, Pins, install, read_pins
from benchmarks.frameworks.quantized import quantized
from benchmarks.frameworks.run import OURS, Wanted, again, compare, distinct
from benchmarks.frameworks.task import Task
from benchmarks.indexing import index
from benchmarks.papers import make_papers
from benchmarks.report import Report, turns
from benchmarks.service import TooSlow, service
from config.settings import Settings
from pipelines.model_files import find_model

PINS = Pins("one", "torch==1", ("framework==2", "other==3"), ("spare",), "in memory")
TALK = """
import sys
print("a library says hello", flush=True)
print('{}', flush=True)
assert sys.stdin.readline()
sum(range(3_000_000))
print('{"pages": 3, "chunks": 4, "bad": 0, "table": "rival"}', flush=True)
assert sys.stdin.readline()
print('{"embedded": 4, "tokens": 40, "lost": 0}', flush=True)
"""


@pytest.fixture(scope="module")
def model() -> str:
    return str(find_model(Settings().embedding_model)[0])


@pytest.fixture
def task(tmp_path: Path, model: str) -> Task:
    return Task(str(tmp_path), "postgresql://nobody@127.0.0.1:1/none", str(tmp_path), model, "float32")


class Commands:
    """Stands where pip would reach for the network."""

    def __init__(self, *, failing: str = "") -> None:
        self.seen: list[list[str]] = []
        self._failing = failing

    def __call__(self, command: Sequence[str]) -> str:
        self.seen.append(list(command))
        if self._failing and self._failing in command:
            raise NotInstalled(self._failing)
        if "venv" in command:
            Path(command[-1]).mkdir(parents=True, exist_ok=True)
        return "framework==2\n"


def test_every_framework_has_pins_and_a_file() -> None:
    found = read_pins()
    assert tuple(found) == FRAMEWORKS
    for name, pins in found.items():
        assert Path(rival.__file__).with_name(f"{name}.py").is_file()
        assert all("==" in package for package in (pins.torch, *pins.packages))


def test_the_model_in_integers_is_made_once_in_an_environment_of_its_own(tmp_path: Path) -> None:
    assert any(package.startswith("datasets==") for package in environments.read_quantizer().packages)
    assert "quantizer" not in environments.read_pins()
    (tmp_path / "openvino-int8").mkdir()
    assert quantized(tmp_path / "no model", tmp_path) == tmp_path / "openvino-int8"


def test_a_model_that_cannot_be_made_leaves_none_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next call must not take half a model for one."""
    monkeypatch.setattr("benchmarks.frameworks.quantized.install", lambda *_: Path(sys.executable))
    monkeypatch.setattr("benchmarks.frameworks.quantized.PROGRAM", "benchmarks.no_such_program")
    with pytest.raises(environments.NotInstalled, match="no_such_program"):
        quantized(tmp_path / "model", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_torch_is_installed_first_and_alone_then_kept_at_its_version(tmp_path: Path) -> None:
    commands = Commands()
    python = install(PINS, tmp_path, commands)
    assert python == tmp_path / "one" / "bin" / "python"
    _, first, second, removal, _ = commands.seen
    assert first[-2:] == ["--quiet", "torch==1"]
    assert second[-3:] == ["torch==1", "framework==2", "other==3"]
    assert "uninstall" in removal
    assert removal[-1] == "spare"


def test_an_environment_is_kept_until_its_pins_change(tmp_path: Path) -> None:
    install(PINS, tmp_path, Commands())
    unchanged, changed = Commands(), Commands()
    install(PINS, tmp_path, unchanged)
    assert unchanged.seen == []
    install(Pins("one", "torch==1", ("framework==3",), (), "in memory"), tmp_path, changed)
    assert changed.seen


def test_a_half_made_environment_is_made_anew(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled):
        install(PINS, tmp_path, Commands(failing="framework==2"))
    commands = Commands()
    install(PINS, tmp_path, commands)
    assert "--clear" in commands.seen[0]


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(NotInstalled, match="no room"):
        environments.command([sys.executable, "-c", "raise SystemExit('no room')"])


def test_a_framework_is_timed_from_the_word_to_its_answer(task: Task) -> None:
    found = rival.run([sys.executable, "-c", TALK], task, 60)
    assert (found["pages"], found["chunks"], found["embedded"], found["tokens"]) == (3, 4, 4, 40)
    assert found["all s"] > 0
    assert found["CPU s"] > 0
    assert found["start s"] > 0


def test_a_framework_that_dies_is_told_with_its_last_words(task: Task) -> None:
    with pytest.raises(rival.Failed, match="no such store"):
        rival.run([sys.executable, "-c", "raise SystemExit('no such store')"], task, 60)


def test_a_framework_that_hangs_is_ended(task: Task) -> None:
    with pytest.raises(TooSlow):
        rival.run([sys.executable, "-c", "import sys; sys.stdin.read()"], task, 0.5)


def test_nothing_that_is_measured_is_told_to_anybody(task: Task) -> None:
    program = TALK.replace("import sys", "import os, sys; assert os.environ['HF_HUB_OFFLINE'] == '1'", 1)
    assert rival.run([sys.executable, "-c", program], task, 60)["pages"] == 3


def test_pieces_hold_the_whole_text_and_fit_the_window(model: str) -> None:
    words = " ".join(f"word{number} straße 測試文字" for number in range(900))
    pieces = cutter(model)(words)
    assert " ".join(" ".join(pieces).split()) == words
    lengths = [len(tokenizer(model).encode(piece).ids) for piece in pieces]
    assert max(lengths) <= window(model)
    assert sum(lengths) / len(lengths) > 0.9 * window(model)  # none of them is compared on needlessly many pieces


def test_text_without_spaces_is_cut_and_no_text_gives_no_piece(model: str) -> None:
    pieces = cutter(model)("測" * 1000)
    assert "".join(pieces) == "測" * 1000
    assert len(pieces) == -(-1000 // (window(model) - SPECIAL))
    assert cutter(model)(" \n ") == []


def test_files_of_the_same_bytes_are_taken_once(tmp_path: Path) -> None:
    corpus, folder = tmp_path / "corpus", tmp_path / "files"
    for place, content in (("a/x.pdf", b"one"), ("b/x.pdf", b"two"), ("c/y.pdf", b"one"), ("d/z.pdf", b"longer")):
        (corpus / place).parent.mkdir(parents=True)
        (corpus / place).write_bytes(content)
    folder.mkdir()
    copies = distinct(Wanted(corpus, tmp_path, largest=5), folder)
    assert [copy.read_bytes() for copy in copies] == [b"one", b"two"]
    with pytest.raises(FileNotFoundError):
        distinct(Wanted(corpus, tmp_path, largest=1), folder)


def test_each_side_begins_a_round_in_its_turn() -> None:
    assert [turns(["a", "b", "c"], number)[0] for number in range(4)] == ["a", "b", "c", "a"]


def test_ours_is_compared_with_each_of_the_others() -> None:
    report = Report("")
    report.add(OURS, {"pages/s": 8.0, "again s": 1.0})
    report.add("other", {"pages/s": 2.0, **again({"all s": 4.0, "CPU s": 3.0, "embedded": 7})})
    compare(report)
    found = {ratio.what: ratio.values for ratio in report.ratios}
    assert found[f"pages/s: {OURS} over other"] == (4.0,)
    assert found[f"seconds of the second run: {OURS} over other"] == (0.25,)


def test_our_second_run_embeds_nothing(tmp_path: Path) -> None:
    files = make_papers(tmp_path, 2, 0)
    with service(None) as running:
        first = index(running, files, 120)
        second = index(running, files, 120)
    assert first["embedded"] == first["chunks"] > 0
    assert second["embedded"] == 0
    assert second["bad"] == first["bad"] == 0
