"""The main job, end to end, on real parts: a document goes in through the API and comes out searchable."""

import io
import os
import signal
import time
import uuid
from pathlib import Path

import psycopg
import pypdf
import pytest
from fpdf import FPDF
from standardwebhooks import Webhook

from app.isolation.family import members
from app.quarantine import Selection, examine, select_cases
from app.receivers import secret_for
from app.stack.whole import Stack
from docrelay import Client, Conflict, JobFailed
from docrelay.database import make_engine
from tests.service.conftest import WEBHOOK_SECRET, Receiver

PAGES = [
    "The tenant pays a security deposit of two months before the keys are handed over.",
    "When the contract ends, the landlord returns the deposit within six weeks.",
    "Pets are welcome if the neighbours are not disturbed by barking at night.",
]


def _pdf(pages: list[str]) -> bytes:
    pdf = FPDF()
    pdf.set_font("helvetica", size=14)
    for text in pages:
        pdf.add_page()
        if text:
            pdf.multi_cell(0, 8, text)
    return bytes(pdf.output())


def _encrypted(data: bytes) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(data))
    writer.encrypt("sesame", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _mark() -> str:
    """Makes a document new: identical ones are answered from earlier jobs."""
    return f"Reference {uuid.uuid4().hex}."


def test_a_pdf_becomes_searchable(client: Client) -> None:
    """Stages on rows, pages kept, meaning found without a common word, history complete."""
    collection = f"lease-{uuid.uuid4().hex}"
    job = client.submit(_pdf([*PAGES, _mark()]), name="lease.pdf", collection=collection, metadata={"team": "legal"})
    assert job.status == "queued"
    job = client.wait(job.id, timeout=60)
    assert [(stage.name, stage.status.value) for stage in job.stages] == [
        ("parse", "succeeded"),
        ("vectorize", "succeeded"),
        ("notify", "skipped"),
    ]
    assert job.document.page_count == 4
    assert job.document.media_type == "application/pdf"
    assert job.document.metadata == {"team": "legal"}
    hit = client.search("Are dogs allowed in the flat?", collection=collection, limit=1)[0]
    assert hit.page <= 3 <= hit.page_last
    assert "Pets are welcome" in hit.text
    assert [event.kind for event in client.events(job.id)] == [
        "accepted",
        "started",
        "succeeded",
        "started",
        "succeeded",
        "job succeeded",
    ]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("page.html", b"<html><head><title>T</title><script>var x</script></head><body><h1>Bees</h1>", "Bees"),
        ("notes.md", b"# Tides\n\nHigh \x00water comes twice a day.", "High water"),
        (
            "plain.txt",
            "Der Müller mahlt das Korn. Im Frühjahr steigt der Fluss über die Wiesen. ".encode("latin-1"),
            "Müller",
        ),
    ],
)
def test_other_formats(client: Client, name: str, data: bytes, words: str) -> None:
    """HTML, Markdown, and text in an old encoding with a NUL in it."""
    collection = f"formats-{uuid.uuid4().hex}"
    client.wait(client.submit(data + _mark().encode(), name=name, collection=collection).id, timeout=60)
    texts = [hit.text for hit in client.search(words, collection=collection)]
    assert any(words in text for text in texts)
    assert not any("\0" in text or "var x" in text for text in texts)


def test_an_identical_document_computes_nothing(client: Client) -> None:
    """The second submission is answered when `submit` returns; in another collection vectors are reused."""
    data = _pdf([*PAGES, _mark()])
    first = client.wait(client.submit(data, name="a.pdf", collection="same").id, timeout=60)
    again = client.submit(data, name="b.pdf", collection="same")
    assert (again.status, again.same_as) == ("succeeded", first.id)
    assert all(stage.attempt == 0 for stage in again.stages)
    elsewhere = client.wait(client.submit(data, collection="elsewhere").id, timeout=60)
    made = elsewhere.stages[1].result
    assert made is not None
    assert made["embedded"] == 0
    assert made["reused"] == made["chunks"]


def test_bad_documents_end_with_a_reason(client: Client) -> None:
    """Encrypted, broken, unknown, empty: each in its final state, in words."""
    cases = {
        "locked.pdf": (_encrypted(_pdf([_mark()])), "failed", "encrypted"),
        "broken.pdf": (b"%PDF-1.7\n" + _mark().encode(), "failed", "corrupt"),
        "photo.jpg": (b"\xff\xd8\xff\xe0\0\x10JFIF\0" + uuid.uuid4().bytes * 20, "failed", "corrupt"),
        "program": (b"\x7fELF" + uuid.uuid4().bytes * 20, "failed", "unsupported"),
        "blank.pdf": (_pdf(["", ""]), "no_text", None),
        "empty.txt": (b"", "no_text", None),
    }
    for name, (data, status, code) in cases.items():
        job = client.submit(data, name=name, collection=f"bad-{uuid.uuid4().hex}")
        if status == "failed":
            with pytest.raises(JobFailed, match=name):
                client.wait(job.id, timeout=60)
        else:
            client.wait(job.id, timeout=60)
        job = client.get(job.id)
        assert (job.status, job.error.code if job.error else None) == (status, code), name
        assert job.error is None or job.error.error_class == "permanent"


def test_notifications_arrive_signed(client: Client, receiver: Receiver) -> None:
    """Good and bad outcomes, tried again when the receiver refuses, never failing the job."""
    flaky, steady = f"{receiver.url}/flaky", f"{receiver.url}/steady-{uuid.uuid4().hex}"
    good = client.submit(_mark().encode(), name="good.txt", notify=[steady, flaky])
    bad = client.submit(b"%PDF-1.7\n" + _mark().encode(), name="bad.pdf", notify=[steady])
    client.wait(good.id, timeout=60)
    give_up = time.monotonic() + 30
    while len(receiver.payloads(steady.removeprefix(receiver.url))) < 2 or not receiver.payloads("/flaky"):
        assert time.monotonic() < give_up
        time.sleep(0.1)
    events = {str(item["type"]) for item in receiver.payloads(steady.removeprefix(receiver.url))}
    assert events == {"job.succeeded", "job.failed"}
    for path, headers, body in receiver.got:
        Webhook(secret_for(WEBHOOK_SECRET, receiver.url + path)).verify(body, headers)
    give_up = time.monotonic() + 10
    while client.get(good.id).stages[2].status != "succeeded":
        assert time.monotonic() < give_up
        time.sleep(0.1)
    assert client.get(bad.id).status == "failed"


def test_an_important_document_overtakes(client: Client) -> None:
    """Priority 10 behind sixty of priority 1 is done before most of them."""
    collection = f"priority-{uuid.uuid4().hex}"
    crowd = client.submit_many(
        [f"{number} {_mark()}".encode() for number in range(60)], collection=collection, priority=1
    )
    urgent = client.submit(_mark().encode(), collection=collection, priority=10)
    client.wait(urgent.id, timeout=60)
    done = [job for job in client.jobs(ids=[job.id for job in crowd]) if job.finished]
    assert len(done) < 45
    for job in crowd:
        client.wait(job.id, timeout=90)


def _hostile_processes(stack: Stack) -> list[int]:
    everybody = [pid for worker in stack.supervisor.pids().values() if worker for pid in members(worker)]
    return [pid for pid in everybody if _is_hostile(pid)]


def _is_hostile(pid: int) -> bool:
    try:
        return b"tests.isolation.hostile" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return False


def test_a_running_job_is_cancelled(client: Client, stack: Stack) -> None:
    """Within two seconds its process is gone; and it can be tried again."""
    job = client.submit(f"loop {_mark()}".encode(), pipeline="hostile-first")
    for seen in client.watch(job.id, timeout=30):
        if seen.stages[0].done:
            break
    assert _hostile_processes(stack)
    started = time.monotonic()
    cancelled = client.cancel(job.id)
    assert (cancelled.status, cancelled.stages[0].status) == ("cancelled", "cancelled")
    while _hostile_processes(stack):
        assert time.monotonic() - started < 2
        time.sleep(0.02)
    assert [stage.attempt for stage in client.get(job.id).stages] == [1, 0]
    with pytest.raises(Conflict):
        client.retry(client.submit(_mark().encode()).id)
    assert client.retry(job.id).status in ("queued", "running")
    client.cancel(job.id)


def test_a_dead_worker_is_told_from_a_slow_document(client: Client, stack: Stack) -> None:
    """The document goes on and on; its worker is stopped, and then goes on too."""
    job = client.submit(f"loop {_mark()}".encode(), pipeline="hostile")
    for seen in client.watch(job.id, timeout=30):
        if seen.stages[0].done:
            break
    assert client.get(job.id).reason.startswith("hostile runs on worker@")
    worker = int(str(client.get(job.id).stages[0].worker).rpartition(":")[2])
    os.kill(worker, signal.SIGSTOP)
    try:
        give_up = time.monotonic() + 28  # its lease lasts 30 s
        while "no sign of life for" not in client.get(job.id).reason:
            assert time.monotonic() < give_up, client.get(job.id).reason
            time.sleep(0.5)
    finally:
        os.kill(worker, signal.SIGCONT)
        client.cancel(job.id)


@pytest.mark.parametrize(
    ("pipeline", "order", "code", "exceeded"),
    [
        ("hostile", "crash", "crashed", None),
        ("hostile", "allocate", "limit_memory", ("memory", 256, "MiB")),
        ("hostile", 'fork_and_allocate {"count": 4, "megabytes": 100}', "limit_memory", ("memory", 256, "MiB")),
        ("hostile", 'stream {"gigabytes": 10}', "limit_answer", ("the answer", 256, "MiB")),
        ("impatient", "loop", "limit_time", ("time", 2, "s")),
        ("restless", "be_silent", "limit_silence", ("silence", 1, "s")),
    ],
)
def test_poison_is_quarantined(
    client: Client, stack: Stack, pipeline: str, order: str, code: str, exceeded: tuple[object, ...] | None
) -> None:
    """Two strikes; the worker and its neighbours live on, and the row says which limit was hit and how."""
    workers = stack.supervisor.pids()
    job = client.submit(f"{order} {_mark()}".encode(), pipeline=pipeline)
    with pytest.raises(JobFailed, match="quarantined"):
        client.wait(job.id, timeout=60)
    job = client.get(job.id)
    assert job.error is not None
    assert (job.error.error_class, job.error.code) == ("poison", code)
    if exceeded:
        told = job.error.exceeded
        assert told is not None
        assert (told["limit"], told["value"], told["unit"]) == exceeded
        assert told["used"] >= told["value"]
        assert all(str(part) in job.error.message for part in (told["limit"], f"{told['value']:g}"))
    with psycopg.connect(stack.database_url) as connection:
        query = "select count(*) from attempts a join stage_runs s on s.id = a.stage_run_id where s.job_id = %s"
        assert connection.execute(query, (job.id,)).fetchone() == (2,)
    assert stack.supervisor.pids() == workers


@pytest.mark.parametrize(
    ("data", "exceeded"),
    [
        (b"x" * 300_000, {"limit": "max_bytes", "value": 200_000, "used": 300_000, "unit": "bytes"}),
        (b"page\f" * 30, {"limit": "max_pages", "value": 20, "used": 31, "unit": "pages"}),
        (b"word " * 30_000, {"limit": "max_text_chars", "value": 100_000, "used": 150_000, "unit": "characters"}),
    ],
)
def test_too_large_a_document_fails_at_once(client: Client, data: bytes, exceeded: dict[str, object]) -> None:
    """Bytes are not even read; the row names the limit, its value and what the document has."""
    job = client.submit(data, name="large.txt", collection=f"large-{uuid.uuid4().hex}")
    with pytest.raises(JobFailed, match=f"limit {exceeded['limit']} of {exceeded['value']:,}"):
        client.wait(job.id, timeout=60)
    job = client.get(job.id)
    assert job.error is not None
    assert (job.error.code, job.error.exceeded) == ("too_large", exceeded)
    assert job.stages[0].attempt == 1


def test_a_retry_keeps_what_earlier_stages_made(client: Client, stack: Stack) -> None:
    """The very rows of the pages stay, and parse is not run again, unless it is asked for."""

    def until_quarantined(job_id: uuid.UUID) -> tuple[list[int], list[tuple[object, ...]]]:
        with pytest.raises(JobFailed, match="quarantined"):
            client.wait(job_id, timeout=60)
        with psycopg.connect(stack.database_url) as connection:
            pages = connection.execute("select xmin, ctid, text from pages where document_id = %s", (document,))
            return [stage.attempt for stage in client.get(job_id).stages], pages.fetchall()

    job = client.submit(f"crash {_mark()}".encode(), pipeline="parsed-first")
    document = job.document.id
    tries, pages = until_quarantined(job.id)
    assert (tries, len(pages)) == ([1, 2], 1)
    client.retry(job.id)
    assert until_quarantined(job.id) == ([1, 4], pages)
    client.retry(job.id, from_stage="parse")
    assert until_quarantined(job.id)[0] == [2, 6]


def test_a_quarantined_job_can_be_explained(client: Client, stack: Stack) -> None:
    """Where it crashed and what it used, from the rows alone."""
    job = client.submit(f"crash {_mark()}".encode(), pipeline="hostile")
    with pytest.raises(JobFailed, match="quarantined"):
        client.wait(job.id, timeout=60)
    engine = make_engine(stack.database_url, pool_size=1)
    with engine.connect() as connection:
        (case,) = select_cases(connection, Selection((str(job.id),)))
        attempts = examine(connection, case).attempts
    engine.dispose()
    assert [attempt.outcome for attempt in attempts] == ["crashed", "crashed"]
    for attempt in attempts:
        assert attempt.resources is not None
        # How much is checked where it is certain, in tests/isolation: this process dies before a second sample.
        assert set(attempt.resources) == {"seconds", "peak_memory_mb"}
        assert any("Segmentation fault" in line for line in attempt.log)
        assert any("in crash" in line for line in attempt.log)


def test_deleting_leaves_nothing(client: Client) -> None:
    """Text and vectors are not found any more."""
    collection = f"gone-{uuid.uuid4().hex}"
    job = client.wait(client.submit(_mark().encode(), collection=collection).id, timeout=60)
    assert client.search("reference", collection=collection)
    client.delete(job.document.id)
    assert client.search("reference", collection=collection) == []


def test_replacing_keeps_the_old_until_the_new_is_there(client: Client) -> None:
    """A version that fails leaves the old one searchable; one that succeeds takes its place."""
    collection = f"versions-{uuid.uuid4().hex}"
    old = client.wait(client.submit(b"The old price is ten.", name="price.txt", collection=collection).id, timeout=60)
    broken = client.submit(b"%PDF-1.7\n" + _mark().encode(), collection=collection, replaces=old.document.id)
    with pytest.raises(JobFailed):
        client.wait(broken.id, timeout=60)
    assert "old price" in client.search("price", collection=collection)[0].text
    new = client.submit(b"The new price is twelve.", collection=collection, replaces=old.document.id)
    client.wait(new.id, timeout=60)
    assert ["new price" in hit.text for hit in client.search("price", collection=collection)] == [True]


def test_a_batch_is_told_of_once_all_are_through(client: Client, receiver: Receiver) -> None:
    """With counts and reasons, over the dispatcher; each job too, where that was asked for."""
    mark = uuid.uuid4().hex
    each, batch = f"/each-{mark}", f"/batch-{mark}"
    sources = [_mark().encode(), _mark().encode(), b"%PDF-1.7\n" + _mark().encode()]
    jobs = client.submit_many(
        sources,
        collection=f"batch-{mark}",
        pipeline="extract",
        notify=[receiver.url + each],
        notify_batch=[receiver.url + batch],
    )
    assert len({job.batch_id for job in jobs}) == 1
    deadline = time.monotonic() + 60
    while not (receiver.payloads(batch) and len(receiver.payloads(each)) == 3) and time.monotonic() < deadline:
        time.sleep(0.1)
    (told,) = receiver.payloads(batch)
    assert told["type"] == "batch.finished"
    data = told["data"]
    assert isinstance(data, dict)
    assert data["counts"] == {"failed": 1, "succeeded": 2}
    assert [job["job_id"] for job in data["failed"]] == [str(jobs[2].id)]
    assert sorted(str(payload["type"]) for payload in receiver.payloads(each)) == [
        "job.failed",
        "job.succeeded",
        "job.succeeded",
    ]
