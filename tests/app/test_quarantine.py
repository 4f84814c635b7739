"""`python -m app quarantine`: found, explained, tried again, put aside."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, insert

from app.__main__ import main
from config.settings import settings
from docrelay import Client, Job
from docrelay.errors import DocrelayError
from docrelay.names import AttemptOutcome, ErrorClass
from docrelay.tables import DeadMessage
from docrelay.transitions import Problem, fail
from tests.transitions.service import POLICY, Service

Quarantine = Callable[..., str]


@pytest.fixture
def service(engine: Engine, client: Client) -> Service:
    return Service(engine, client)


@pytest.fixture
def quarantine(url: str, monkeypatch: pytest.MonkeyPatch) -> Quarantine:
    """Runs `python -m app quarantine …` and gives what it printed."""
    monkeypatch.setenv("DOCRELAY_DATABASE_URL", url)
    settings.cache_clear()

    def run(*arguments: object) -> str:
        answer = CliRunner().invoke(main, ["quarantine", *map(str, arguments)])
        if isinstance(answer.exception, DocrelayError):
            raise answer.exception
        assert answer.exit_code == 0, answer.output
        return answer.output

    return run


def poison(service: Service, code: str = "crashed", data: bytes | None = None, stages_before: int = 0) -> Job:
    """A job that was struck twice."""
    job = service.submit(data)
    for _ in range(stages_before):
        service.succeed(service.claim(job))
    for number in (1, 2):
        strike(service, job, code, number)
    assert service.status(job) == "quarantined"
    return job


def strike(service: Service, job: Job, code: str, number: int) -> None:
    held = service.claim(job)
    evidence = {"resources": {"seconds": 1.5, "peak_memory_mb": 100 + number}, "log": [f"words {number}"]}
    problem = Problem(ErrorClass.POISON, code, f"it {code}", "Traceback …", evidence)
    service.run(lambda c: fail(c, held, problem, outcome=AttemptOutcome.CRASHED, policy=POLICY))


def ids(quarantine: Quarantine, *options: object) -> list[str]:
    return [job["id"] for job in json.loads(quarantine("list", "--json", *options))["jobs"]]


def test_selecting(quarantine: Quarantine, service: Service) -> None:
    crashed, large = poison(service), poison(service, "limit_memory", stages_before=1)
    service.sql("update jobs set finished_at = now() - interval '2 days' where id = :id", id=crashed.id)
    both = [str(crashed.id), str(large.id)]
    assert ids(quarantine) == both
    assert ids(quarantine, "--class", "poison") == both
    assert ids(quarantine, "--class", "transient") == []
    assert ids(quarantine, "--code", "limit_memory") == both[1:]
    assert ids(quarantine, "--stage", "vectorize") == both[1:]
    assert ids(quarantine, "--since", "1d") == both[1:]
    assert ids(quarantine, "--until", "1d") == both[:1]
    assert ids(quarantine, str(crashed.id)[-8:]) == both[:1]
    assert "it limit_memory" in quarantine("list")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "abc"), "no id"),
        (("list", "zzzzzzzz"), "no quarantined job"),
        (("list", "--since", "lately"), "no time"),
        (("show", "message-12"), "no message-12"),
        (("show", "message-x"), "no message"),
    ],
)
def test_wrong_wishes(quarantine: Quarantine, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(DocrelayError, match=said):
        quarantine(*arguments)


def test_show_says_all_that_is_known(quarantine: Quarantine, service: Service, tmp_path: Path) -> None:
    job = poison(service, data=b"the document")
    page = quarantine("show", str(job.id)[-8:], "--bytes", tmp_path / "bytes")
    for said in ("it crashed", "parse #1", "parse #2", "crashed after", "peak memory mb 102", "words 2", "Traceback …"):
        assert said in page
    assert "words 1" not in page
    assert (tmp_path / "bytes").read_bytes() == b"the document"
    shown: dict[str, Any] = json.loads(quarantine("show", job.id, "--json"))
    assert [attempt["log"] for attempt in shown["attempts"]] == [["words 1"], ["words 2"]]
    assert [attempt["resources"]["peak_memory_mb"] for attempt in shown["attempts"]] == [101, 102]


def test_replay(quarantine: Quarantine, service: Service) -> None:
    """Only the selected; from the stage that failed."""
    crashed, large = poison(service, stages_before=1), poison(service, "limit_memory")
    assert quarantine("replay", "--code", "crashed") == f"{crashed.id}\treplayed\n"
    assert service.status(crashed) == "queued"
    assert service.statuses(crashed) == ["succeeded", "ready", "waiting"]
    assert service.status(large) == "quarantined"
    assert json.loads(quarantine("replay", large.id, "--json")) == [{"id": str(large.id), "replayed": True}]
    assert service.events(large)[-1].who != "client"


@pytest.mark.parametrize("change", ["replay", "discard"])
def test_nothing_is_changed_by_saying_nothing(quarantine: Quarantine, service: Service, change: str) -> None:
    poison(service)
    with pytest.raises(AssertionError, match="say which"):
        quarantine(change)


def test_discard_hides_until_it_happens_again(quarantine: Quarantine, service: Service) -> None:
    job = poison(service)
    assert quarantine("discard", job.id) == f"{job.id}\tdiscarded\n"
    assert ids(quarantine) == []
    assert quarantine("discard", job.id) == ""
    assert ids(quarantine, "--all") == [str(job.id)]
    assert "discarded" in quarantine("show", job.id)
    assert (service.status(job), service.kinds(job)[-1]) == ("quarantined", "discarded")
    quarantine("replay", job.id)
    for _ in range(2):
        service.fail(service.claim(job), ErrorClass.POISON, AttemptOutcome.CRASHED)
    assert ids(quarantine) == [str(job.id)]


def test_refused_messages(quarantine: Quarantine, service: Service, tmp_path: Path) -> None:
    """Listed with what they announced, looked at, and removed."""
    (run,) = service.sql("select id from stage_runs where job_id = :id and position = 0", id=service.submit().id)
    values = {"queue": "docrelay.parse", "reason": "rejected", "headers": {"task": "odd"}, "body": b"\xffbody"}
    statement = insert(DeadMessage).values(stage_run_id=run["id"], **values).returning(DeadMessage.id)
    number = service.run(lambda c: c.scalar(statement))
    assert f"message-{number}" in quarantine("list", "--stage", "parse")
    assert quarantine("list", "--stage", "notify") == ""
    assert quarantine("list", "--code", "crashed") == ""
    shown = json.loads(quarantine("show", f"message-{number}", "--bytes", tmp_path / "body"))
    assert (shown["reason"], shown["stage"], shown["headers"]) == ("rejected", "parse", {"task": "odd"})
    assert (tmp_path / "body").read_bytes() == b"\xffbody"
    assert quarantine("discard", f"message-{number}") == f"message-{number}\tdiscarded\n"
    assert service.sql("select * from dead_messages") == []
