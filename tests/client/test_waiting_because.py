"""Why is it not running? Each answer, in the situation that it is for."""

import pytest
from sqlalchemy import Engine, make_url

from benchmarks.rows.fill import fill
from docrelay import Client, Job
from docrelay.names import Queue
from docrelay.statements import Statement
from docrelay.transitions import postpone
from docrelay.waiting import waiting
from tests.transitions.service import Service

READ = Statement(
    "select seq_tup_read + coalesce(idx_tup_fetch, 0) as rows from pg_stat_xact_user_tables where relname = :table"
)

PROCESS = """
    insert into processes (id, role, queue, slots, host, pid, beat_at)
    values (gen_random_uuid(), :role, :queue, 1, 'here', 1, now() - :ago * interval '1 second')
"""


@pytest.fixture
def job(client: Client) -> Job:
    """A job of which nobody has taken notice."""
    return client.submit(b"hello")


@pytest.fixture
def staffed(service: Service) -> None:
    """A worker for parse and a dispatcher are there."""
    process(service, "worker", Queue.PARSE)
    process(service, "dispatcher")


def process(service: Service, role: str, queue: Queue | None = None, *, ago: int = 0) -> None:
    service.sql(PROCESS, role=role, queue=queue, ago=ago)


def why(client: Client, job: Job) -> str | None:
    return client.get(job.id).waiting_because


def test_nobody_consumes_its_queue(client: Client, service: Service, job: Job) -> None:
    sentence = "no worker consumes the queue docrelay.parse; start one"
    assert why(client, job) == sentence
    process(service, "worker", Queue.VECTORIZE)
    process(service, "worker", Queue.PARSE, ago=60)
    assert why(client, job) == sentence
    assert client.get(job.id).reason == sentence


def test_nobody_dispatches(client: Client, service: Service, job: Job) -> None:
    process(service, "worker", Queue.PARSE)
    process(service, "dispatcher", ago=60)
    assert why(client, job) == "no dispatcher runs; start `python -m app dispatch`"


@pytest.mark.usefixtures("staffed")
def test_others_are_ahead(client: Client, service: Service, job: Job) -> None:
    assert why(client, job) == "parse is next to be announced"
    second = client.submit(b"second")
    third = client.submit(b"third")
    assert why(client, second) == "parse waits behind 1 other"
    assert why(client, third) == "parse waits behind 2 others"
    urgent = client.submit(b"urgent", priority=9)
    assert why(client, urgent) == "parse is next to be announced"
    assert why(client, second) == "parse waits behind 2 others"
    later = client.submit(b"not yet", priority=10)
    service.run(lambda connection: postpone(connection, service.claim(later), 60))
    assert why(client, second) == "parse waits behind 2 others"
    service.sql("update stage_runs set announced_at = now() where job_id = :id", id=job.id)
    assert why(client, second) == "parse waits behind 2 others"  # the broker's queue is a queue too
    assert client.get(second.id).ahead == 2


@pytest.mark.usefixtures("staffed")
def test_how_long_it_will_take(client: Client, service: Service, job: Job) -> None:
    """From what stages of the same queue took lately, by the slots that are alive."""
    for number in range(5):
        assert client.get(job.id).starts_in is None
        service.finish(service.submit(b"done %d" % number))
    service.sql("update stage_runs set ran_seconds = 10 where status = 'succeeded' and queue = :q", q=Queue.PARSE)
    process(service, "worker", Queue.PARSE)
    second = client.get(client.submit(b"second").id)
    assert (second.ahead, second.starts_in) == (1, 7.5)
    assert second.waiting_because == "parse waits behind 1 other; starts in about 8 s"
    for number in range(100):
        client.submit(b"more %d" % number, priority=9)
    assert client.get(second.id).waiting_because == "parse waits behind 101 others; starts in about 8 min"
    service.sql("delete from processes where role = 'dispatcher'")
    assert client.get(second.id).starts_in is None


@pytest.mark.usefixtures("staffed")
def test_a_long_queue_is_not_counted_to_its_end(client: Client, service: Service, job: Job) -> None:
    service.sql(
        "insert into stage_runs (id, job_id, position, stage, queue, status, priority, collection, seconds, silence, "
        "memory_mb, ready_at) "
        "select gen_random_uuid(), job_id, 100 + n, stage, queue, status, 10, collection, 1, 1, 1, now() "
        "from stage_runs, generate_series(1, 2000) n where job_id = :id and position = 0",
        id=job.id,
    )
    assert why(client, job) == "parse waits behind 1000 others or more"


@pytest.mark.usefixtures("staffed")
def test_it_was_announced_and_all_are_busy(client: Client, service: Service, job: Job) -> None:
    service.sql("update stage_runs set announced_at = now() - interval '42 s' where job_id = :id", id=job.id)
    assert why(client, job) == "parse was announced 42 s ago; its workers are busy"


def test_it_runs(client: Client, service: Service, job: Job) -> None:
    service.claim(job, worker="worker@there:7")
    assert why(client, job) == "parse runs on worker@there:7"


def test_its_worker_may_be_dead(client: Client, service: Service, job: Job) -> None:
    """Which is not the same as a document that takes long."""
    service.claim(job, worker="worker@here:1")
    process(service, "worker", Queue.PARSE, ago=5)
    assert why(client, job) == "parse runs on worker@here:1"
    service.sql("update processes set beat_at = now() - interval '20 seconds'")
    sentence = "parse runs on worker@here:1, which has given no sign of life for 20 s; when its lease is over, another"
    assert why(client, job) == f"{sentence} takes it"
    process(service, "worker", Queue.VECTORIZE, ago=1)  # an earlier one of that number, or a later one
    assert why(client, job) == "parse runs on worker@here:1"


def test_it_is_tried_again(client: Client, service: Service, job: Job) -> None:
    service.fail(service.claim(job))
    service.sql("update stage_runs set due_at = now() + interval '30.2 s' where job_id = :id", id=job.id)
    assert why(client, job) == "parse is tried again in 30 s (try 2 of 3), because it broke"


def test_it_waits_for_its_document(client: Client, job: Job) -> None:
    assert why(client, client.submit(b"hello")) == "waits for an earlier job of the same document"


def test_it_waits_for_nothing(client: Client, service: Service, job: Job) -> None:
    service.finish(job)
    assert why(client, job) is None
    assert client.get(job.id).reason == "succeeded"


@pytest.mark.usefixtures("staffed")
def test_answering_is_quick_before_there_are_statistics(
    client: Client, engine: Engine, postgres: str, service: Service
) -> None:
    """Right after a large load or a restore, when the planner takes every condition for a rare one."""
    superuser = make_url(postgres).set(database=engine.url.database)
    fill(superuser.render_as_string(hide_password=False), 4000)
    job = client.submit(b"hello")
    service.sql("update stage_runs set ready_at = now() - interval '1 minute' where job_id = :id", id=job.id)
    with engine.connect() as connection:
        before = READ.all(connection, {"table": "stage_runs"})[0]["rows"]
        found = waiting(connection, [job.id])[job.id]
        assert found.starts_in is not None
        assert READ.all(connection, {"table": "stage_runs"})[0]["rows"] - before < 5000
