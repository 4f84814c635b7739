"""Scanned pages: read in a stage of their own, only where there are any; and a reason where they cannot be."""

import io
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pypdf
import pytest
from PIL import Image

from app.development.service import service
from app.stack.whole import Stack
from docrelay import Client, Job
from tests.pipelines.scans import encoded, scan, scanned_pdf

pytestmark = pytest.mark.usefixtures("tesseract")


def _mark() -> str:
    return f"Reference {uuid.uuid4().hex[:8]}."


def stages(job: Job) -> list[tuple[str, str]]:
    return [(stage.name, stage.status.value) for stage in job.stages]


def pages(stack: Stack, job: Job) -> dict[int, tuple[str | None, str]]:
    with psycopg.connect(stack.database_url) as connection:
        rows = connection.execute("select number, source, text from pages where document_id = %s", (job.document.id,))
        return {number: (source, text) for number, source, text in rows}


def test_scanned_pages_are_read_and_found(client: Client, stack: Stack) -> None:
    collection = f"ocr-{uuid.uuid4().hex}"
    data = scanned_pdf(f"Typed by hand. {_mark()}", scan(), "", scan("Owls see well at night."))
    job = client.wait(client.submit(data, name="mixed.pdf", collection=collection).id, timeout=90)
    assert (job.status, job.document.problems) == ("succeeded", [])
    assert stages(job) == [
        ("parse", "succeeded"),
        ("ocr", "succeeded"),
        ("vectorize", "succeeded"),
        ("notify", "skipped"),
    ]
    assert job.stages[1].result == {"read": 2, "problems": 0}
    found = pages(stack, job)
    assert {number: source for number, (source, _) in found.items()} == {1: None, 2: "ocr", 4: "ocr"}
    assert "Pets are welcome" in found[2][1]
    assert client.search("Are dogs allowed in the flat?", collection=collection, limit=1)[0].page <= 2
    again = client.wait(client.submit(data, name="mixed.pdf", collection=collection, pipeline="extract").id, timeout=60)
    assert (again.status, again.stages[1].result) == ("succeeded", {"read": 0, "problems": 0})


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_pictures_are_documents(client: Client, stack: Stack, kind: str) -> None:
    mark = _mark()
    two = {"save_all": True, "append_images": [scan("Page two.")], "compression": "tiff_lzw"}
    more = two if kind == "TIFF" else {}
    job = client.wait(client.submit(encoded(scan(mark), kind, **more), name="photo").id, timeout=90)
    assert job.status == "succeeded"
    source, text = pages(stack, job)[1]
    assert (source, text.split()[0]) == ("ocr", "Reference")
    assert job.document.page_count == (2 if more else 1)


def test_a_picture_without_words_has_no_text(client: Client) -> None:
    picture = encoded(Image.new("RGB", (400, 300 + int(uuid.uuid4().hex[:2], 16)), "orange"), "PNG")
    job = client.wait(client.submit(picture, name="orange.png").id, timeout=60)
    assert (job.status, job.document.problems) == ("no_text", [])
    assert [status for _, status in stages(job)] == ["succeeded", "succeeded", "skipped", "skipped"]


def test_documents_without_pictures_know_nothing_of_it(client: Client) -> None:
    job = client.wait(client.submit(_mark().encode()).id, timeout=60)
    assert [name for name, _ in stages(job)] == ["parse", "vectorize", "notify"]


def test_a_page_that_takes_too_much_costs_itself_alone(client: Client, stack: Stack) -> None:
    """Its process is killed, the next page is read by another one, and nobody is charged."""
    writer = pypdf.PdfWriter()
    for page in (scanned_pdf(_mark()), scanned_pdf(scan()), scanned_pdf(scan("Read all the same."))):
        writer.append(io.BytesIO(page))
    writer.pages[1].scale_by(6)  # a poster is drawn with the most pixels that there may be
    out = io.BytesIO()
    writer.write(out)
    job = client.wait(client.submit(out.getvalue(), name="poster.pdf", pipeline="tight").id, timeout=120)
    assert job.status == "partial"
    (problem,) = job.document.problems
    assert (problem["page"], "limit on memory" in problem["message"]) == (2, True)
    assert pages(stack, job)[3][1] == "Read all the same."
    assert (job.stages[1].attempt, job.stages[1].error) == (1, None)


SHEETS = 6


def _begun(client: Client, stack: Stack) -> Job:
    """A job of which two pages are read, and more are to come."""
    sheets = [scan(f"Sheet {number}. {_mark()}", *["A few more words."] * 5) for number in range(SHEETS)]
    job = client.submit(scanned_pdf(*sheets), name="sheets.pdf")
    give_up = time.monotonic() + 60
    while len(pages(stack, job)) < 2:
        assert time.monotonic() < give_up
        time.sleep(0.02)
    return job


def test_what_was_read_is_kept_when_the_stage_begins_again(client: Client, stack: Stack) -> None:
    job = _begun(client, stack)
    client.cancel(job.id)
    kept = len(pages(stack, job))
    assert 2 <= kept < SHEETS
    client.retry(job.id)
    job = client.wait(job.id, timeout=120)
    assert (job.status, len(pages(stack, job))) == ("succeeded", SHEETS)
    # What was read between the cancellation and the end of its process may have been kept as well.
    assert (job.stages[1].result or {})["read"] <= SHEETS - kept


def test_a_killed_worker_loses_no_page(client: Client, stack: Stack) -> None:
    job = _begun(client, stack)
    worker = stack.supervisor.pids()["ocr"]
    assert worker is not None
    os.kill(worker, 9)
    job = client.wait(job.id, timeout=120)
    assert (job.status, len(pages(stack, job))) == ("succeeded", SHEETS)
    assert (job.stages[1].result or {})["read"] <= SHEETS - 2
    assert (job.stages[1].attempt, job.stages[1].failures) == (2, 0)


SHEETS_OF_A_FAX = 20  # as many as this service takes


def fax(pages: int, mark: str) -> bytes:
    """Small, and long to read."""
    lines = ["A few more words that have to be read."] * 9
    sheets = [scan(f"Sheet {n} of {mark}", *lines).convert("1", dither=Image.Dither.NONE) for n in range(pages)]
    return encoded(sheets[0], "TIFF", save_all=True, append_images=sheets[1:], compression="group4")


def test_a_long_scan_makes_way(client: Client, stack: Stack) -> None:
    """It is read in turns; no page is read twice."""
    long = client.submit(fax(SHEETS_OF_A_FAX, uuid.uuid4().hex), name="long.tif", pipeline="extract")
    give_up = time.monotonic() + 60
    while len(pages(stack, long)) < 2:
        assert time.monotonic() < give_up, client.get(long.id).reason
        time.sleep(0.02)
    urgent = client.submit(fax(1, uuid.uuid4().hex), name="urgent.tif", pipeline="extract", priority=9)
    client.wait(urgent.id, timeout=60)
    assert not client.get(long.id).finished
    long = client.wait(long.id, timeout=120)
    assert (long.status, len(pages(stack, long)), long.stages[1].failures) == ("succeeded", SHEETS_OF_A_FAX, 0)
    assert long.stages[1].attempt > 1
    assert (long.stages[1].result or {})["read"] < SHEETS_OF_A_FAX


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service whose language nobody has."""
    with service(tmp_path_factory.mktemp("without"), ocr_languages="tlh") as running:
        yield running


def test_without_ocr_the_job_says_what_to_install(without: Stack) -> None:
    with Client(without.database_url) as client:
        scanned = client.wait(client.submit(scanned_pdf(scan(), scan()), name="scan.pdf").id, timeout=60)
        assert scanned.status == "no_text"
        assert [problem["page"] for problem in scanned.document.problems] == [1, 2]
        assert "tesseract-ocr-tlh" in scanned.reason
        assert "retry" in scanned.reason
        mixed = client.wait(client.submit(scanned_pdf("Typed.", scan()), name="mixed.pdf").id, timeout=60)
        assert mixed.status == "partial"
        assert "1 of 2 pages could not be read; page 2: it is a picture" in mixed.reason
        assert client.search("typed", limit=1)[0].document.id == mixed.document.id
        # Not the last word: the same document is not answered with it, and the job can go on.
        again = client.submit(scanned_pdf(scan(), scan()), name="scan.pdf")
        assert again.same_as is None
        retried = client.retry(scanned.id)
        assert (retried.stages[0].attempt, retried.stages[0].status) == (1, "succeeded")
        assert client.wait(scanned.id, timeout=60).stages[1].attempt == 2
        assert client.wait(again.id, timeout=60).status == "no_text"


def test_once_it_is_installed_a_retry_reads(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with service(home, ocr_languages="tlh") as running, Client(running.database_url) as client:
        job = client.wait(client.submit(scanned_pdf("Typed.", scan()), name="mixed.pdf").id, timeout=60)
        assert job.status == "partial"
    with service(home) as running, Client(running.database_url) as client:
        client.retry(job.id)
        job = client.wait(job.id, timeout=90)
        assert (job.status, job.document.problems) == ("succeeded", [])
        with psycopg.connect(running.database_url) as connection:
            row = connection.execute("select fingerprint from jobs where id = %s", (job.id,)).fetchone()
        assert row is not None
        assert "without" not in row[0]
        give_up = time.monotonic() + 10
        while client.search("keys handed over", limit=1)[0].page_last != 2:
            assert time.monotonic() < give_up
