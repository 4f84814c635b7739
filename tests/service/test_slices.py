"""Documents that take long to parse are read in slices: others go in between, and a crash repeats one."""

import os
import signal
import uuid
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import psycopg
import pytest
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, StreamObject

from app.development.service import service
from app.stack.whole import Stack
from docrelay import Client, JobFailed
from tasks.slices import MOST_DOCUMENTS
from tests.service.looking import ask, wait_until

PAGES = 150
STROKES = 400_000
"""Of a drawing that is on each page, which takes some 80 ms to read and says nothing."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The embedded service as it is by default, with one slot for parsing."""
    home = tmp_path_factory.mktemp("service")
    hostile = "tests.service.hostile_stage"
    with service(home, parse_concurrency=1, lease_seconds=5, task_modules=hostile) as running:
        with Client(running.database_url) as client:
            client.wait(client.submit(b"Loads the model.").id, timeout=60)
        yield running


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with Client(stack.database_url) as opened:
        yield opened


def slow_pdf(mark: str) -> bytes:
    """A small file that takes about ten seconds to parse."""
    writer = PdfWriter()
    drawing = writer._add_object(_stream(b"0 0 m 1 1 l n\n" * STROKES).flate_encode())
    kind = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    font = writer._add_object(_names({key: NameObject(value) for key, value in kind.items()}))
    for number in range(PAGES):
        text = _stream(f"BT /F 12 Tf 72 700 Td ({_sentence(mark, number)}) Tj ET".encode())
        page = writer.add_blank_page(612, 792)
        page[NameObject("/Contents")] = ArrayObject([drawing, writer._add_object(text)])
        page[NameObject("/Resources")] = _names({"/Font": _names({"/F": font})})
    data = BytesIO()
    writer.write(data)
    return data.getvalue()


def _stream(data: bytes) -> StreamObject:
    made = StreamObject()
    made.set_data(data)
    return made


def _names(pairs: dict[str, Any]) -> DictionaryObject:
    return DictionaryObject({NameObject(key): value for key, value in pairs.items()})


def _sentence(mark: str, number: int) -> str:
    return f"Sheet {number} of {mark} was drawn in {number * 7 + 1} strokes."


def test_others_go_in_between(client: Client, stack: Stack) -> None:
    """What was submitted behind it is done before it, urgent or not, and it loses nothing."""
    mark = uuid.uuid4().hex
    slow = client.submit(slow_pdf(mark), name="slow.pdf", collection="slow")
    wait_until(lambda: client.get(slow.id).stages[0].attempt > 0, 60)
    for priority in (9, 5):
        small = client.submit(f"Something short, {uuid.uuid4().hex}.".encode(), collection="small", priority=priority)
        client.wait(small.id, timeout=30)
        assert client.get(slow.id).stages[0].status in ("running", "ready")
    done = client.wait(slow.id, timeout=120)
    parse = done.stages[0]
    assert (done.status, parse.failures) == ("succeeded", 0)
    assert parse.attempt > 1
    assert (parse.result or {})["resumed"] > 0
    assert _pages(stack, slow.id) == [(n + 1, _sentence(mark, n)) for n in range(PAGES)]
    assert _kept(stack, slow.id) == []


def test_only_so_many_are_half_read(client: Client, stack: Stack) -> None:
    """With eight that wait for their next turn, a ninth makes way for what is urgent, and for nobody else."""
    held = client.submit_many([uuid.uuid4().bytes for _ in range(MOST_DOCUMENTS)], delay=3600)
    half_read = """
        insert into page_slices (document_id, parsed_by, start, until, data, seconds)
        select document_id, 'none', 0, 1, '', 0 from jobs where id = %s
    """
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.cursor().executemany(half_read.encode(), [(job.id,) for job in held])
    slow = client.submit(slow_pdf(uuid.uuid4().hex), name="slow.pdf", collection="slow")
    wait_until(lambda: client.get(slow.id).stages[0].attempt > 0, 60)
    small = client.submit(f"Something short, {uuid.uuid4().hex}.".encode(), collection="small")
    urgent = client.submit(f"Something urgent, {uuid.uuid4().hex}.".encode(), priority=9)
    client.wait(urgent.id, timeout=30)
    assert client.get(slow.id).stages[0].attempt in (1, 2)
    assert client.get(slow.id).stages[0].status in ("running", "ready")
    assert client.wait(slow.id, timeout=120).stages[0].attempt == 2
    client.wait(small.id, timeout=60)
    for job in held:
        client.cancel(job.id)


def test_a_crash_repeats_one_slice(client: Client, stack: Stack) -> None:
    """The worker is killed while it reads: what had been read before is not read again."""
    mark = uuid.uuid4().hex
    slow = client.submit(slow_pdf(mark), name="slow.pdf")
    wait_until(lambda: len(_kept(stack, slow.id)) > 1, 60)
    worker = stack.supervisor.pids()["parse"]
    assert worker
    os.kill(worker, signal.SIGKILL)
    kept = _kept(stack, slow.id)[-1]
    done = client.wait(slow.id, timeout=120)
    assert (done.status, done.stages[0].failures) == ("succeeded", 0)
    assert (done.stages[0].result or {})["resumed"] >= kept > 0
    assert _pages(stack, slow.id) == [(n + 1, _sentence(mark, n)) for n in range(PAGES)]
    assert _kept(stack, slow.id) == []


def test_what_was_kept_goes_with_the_last_job(client: Client, stack: Stack) -> None:
    slow = client.submit(slow_pdf(uuid.uuid4().hex), name="slow.pdf")
    wait_until(lambda: bool(_kept(stack, slow.id)), 60)
    client.cancel(slow.id)
    wait_until(lambda: not _kept(stack, slow.id), 60)


def test_the_limit_on_time_is_for_all_slices(client: Client, stack: Stack) -> None:
    """Each takes one second of three, and there are a dozen; pypdf, which is tried next, takes minutes.

    Nothing is left that would count when somebody tries again.
    """
    job = client.submit(slow_pdf(uuid.uuid4().hex), name="slow.pdf", pipeline="hurried")
    with pytest.raises(JobFailed, match="quarantined"):
        client.wait(job.id, timeout=60)
    parse = client.get(job.id).stages[0]
    assert parse.error
    assert (parse.error.code, parse.attempt) == ("limit_time", 2)
    assert _kept(stack, job.id) == []


def _kept(stack: Stack, job_id: uuid.UUID) -> list[int]:
    """How many pages had been read at the end of each slice."""
    statement = "select until from page_slices join jobs using (document_id) where jobs.id = %s order by start"
    return [until for (until,) in ask(stack.database_url, statement, job_id)]


def _pages(stack: Stack, job_id: uuid.UUID) -> list[tuple[Any, ...]]:
    statement = "select number, text from pages join jobs using (document_id) where jobs.id = %s order by number"
    return ask(stack.database_url, statement, job_id)
