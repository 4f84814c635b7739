"""`docrelay submit`, against a real database."""

import io
import json
import sys
import threading
from pathlib import Path

import pytest

from docrelay import Client
from tests.client.shell import Run
from tests.transitions.service import Service


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    path = tmp_path / "paper.txt"
    path.write_text("some text")
    return path


def test_the_id_comes_first_for_other_programs(docrelay: Run, client: Client, paper: Path) -> None:
    answer = docrelay("submit", paper)
    job = client.jobs()[0]
    assert answer.code == 0
    assert answer.lines == [[str(job.id), "queued", "paper.txt"]]


def test_everything_that_can_be_wished_for(docrelay: Run, client: Client, paper: Path, service: Service) -> None:
    answer = docrelay(
        *("submit", paper, "-c", "contracts", "-m", "team=legal", "-m", '{"year": 2026}', "-p", "extract"),
        *("--priority", 9, "--key", "k1", "--notify", "http://127.0.0.1/hook", "--name", "renamed.txt", "--json"),
    )
    (job,) = json.loads(answer.out)
    assert job["document"]["collection"] == "contracts"
    assert job["document"]["metadata"] == {"team": "legal", "year": 2026}
    assert job["document"]["name"] == "renamed.txt"
    assert (job["pipeline"], job["priority"], job["key"]) == ("extract", 9, "k1")
    assert [row["notify"] for row in service.sql("select notify from jobs")] == [["http://127.0.0.1/hook"]]
    assert job == client.get(job["id"]).as_dict()


def test_one_key_is_one_job(docrelay: Run, paper: Path) -> None:
    assert docrelay("submit", paper, "--key", "k").out == docrelay("submit", paper, "--key", "k").out


def test_stdin(docrelay: Run, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe")))
    assert docrelay("submit", "-", "--name", "piped.txt").code == 0
    document = client.jobs()[0].document
    assert (document.name, document.size) == ("piped.txt", 11)


def test_several_are_accepted_together_or_not_at_all(docrelay: Run, client: Client, paper: Path) -> None:
    other = paper.with_name("other.txt")
    other.write_text("more text")
    answer = docrelay("submit", paper, other, paper.with_name("missing.txt"))
    assert answer.code == 1
    assert "missing.txt does not exist" in answer.err
    assert client.jobs() == []
    names = [cells[2] for cells in docrelay("submit", paper, other).lines]
    assert names == ["paper.txt", "other.txt"]


@pytest.mark.parametrize("option", ["--key", "--name"])
def test_what_is_for_one_source_is_refused_for_two(docrelay: Run, paper: Path, option: str) -> None:
    answer = docrelay("submit", paper, paper, option, "x")
    assert answer.code == 2
    assert f"{option} is for one source, and these are 2" in answer.err


@pytest.mark.parametrize("given", ["team", "=legal", '{"a": }'])
def test_metadata_that_cannot_be_read(docrelay: Run, paper: Path, given: str) -> None:
    assert docrelay("submit", paper, "-m", given).code == 2


def test_an_unknown_pipeline_names_the_known_ones(docrelay: Run, paper: Path) -> None:
    answer = docrelay("submit", paper, "-p", "magic")
    assert answer.code == 1
    assert "known: extract, index, reembed" in answer.err


def test_waiting_ends_with_the_outcome(docrelay: Run, service: Service, paper: Path) -> None:
    worker = threading.Thread(target=work_off_the_next, args=(service,))
    worker.start()
    answer = docrelay("submit", paper, "--wait", "--timeout", 30)
    worker.join()
    assert answer.code == 0
    assert answer.out.splitlines()[-1].startswith("✓ paper.txt  succeeded in ")


def test_waiting_for_what_nobody_does_is_four_and_says_why(docrelay: Run, paper: Path) -> None:
    answer = docrelay("submit", paper, "--watch", "--timeout", 0.5, "--json")
    assert answer.code == 4
    assert "paper.txt is still queued after 0.5 s: no worker consumes the queue docrelay.parse" in answer.err
    assert [job["status"] for job in json.loads(answer.out)] == ["queued"]


def work_off_the_next(service: Service) -> None:
    for _ in range(200):
        if jobs := service.client.jobs(status="queued"):
            service.finish(jobs[0])
            return
        threading.Event().wait(0.05)
