"""Passwords open documents, and are nowhere to be found: not while they are needed, not afterwards."""

import io
import time
import uuid
from pathlib import Path

import psycopg
import pypdf
import pytest

from app.stack.whole import Stack
from docrelay import Client, JobFailed
from tests.pipelines.scans import scan, scanned_pdf
from tests.service.conftest import Receiver

SECRET = "Sesam-öffne-dich-4711"


def locked(data: bytes) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(data))
    writer.encrypt(SECRET, algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def kept(stack: Stack) -> int:
    with psycopg.connect(stack.database_url) as connection:
        row = connection.execute("select count(*) from passwords").fetchone()
        assert row is not None
        return int(row[0])


def no_password_is_kept(stack: Stack) -> None:
    give_up = time.monotonic() + 20
    while kept(stack):
        assert time.monotonic() < give_up
        time.sleep(0.1)


def where_it_is(stack: Stack, words: tuple[str, ...]) -> list[str]:
    """Tables and files that hold one of the words, in the clear or as JSON spells it."""
    found = []
    with psycopg.connect(stack.database_url) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        for (table,) in tables:
            for word in words:
                query = f'select count(*) from "{table}" r where r::text like %s'
                row = connection.execute(query.encode(), (f"%{word}%",)).fetchone()
                if row and row[0]:
                    found.append(table)
    home = stack.plan.home.path
    for path in home.rglob("*"):
        # Postgres's own files and its log of changes hold the row that there was for a while.
        if path.is_file() and "postgres" not in path.relative_to(home).parts[0]:
            data = path.read_bytes()
            found += [str(path.relative_to(home)) for word in words if word.encode() in data]
    return found


def test_nowhere_to_be_found(client: Client, stack: Stack, receiver: Receiver) -> None:
    """A right one, a wrong one, none and then the right one; looked for in every table, file and notification."""
    mark = uuid.uuid4().hex
    hook = f"/locked-{mark}"
    notify = [receiver.url + hook]
    data = locked(scanned_pdf(f"The deposit is returned after six weeks. {mark}"))
    wrong = "Simsalabim-" + mark
    with pytest.raises(JobFailed, match="the password given does not open it"):
        client.wait(client.submit(data, name="a.pdf", password=wrong, notify=notify).id, timeout=60)
    job = client.submit(data, name="b.pdf", notify=notify)
    with pytest.raises(JobFailed, match="needs a password") as failed:
        client.wait(job.id, timeout=60)
    assert failed.value.job.error is not None
    assert failed.value.job.error.code == "encrypted"
    assert "--password-file" in failed.value.job.reason
    client.retry(job.id, password=SECRET)
    job = client.wait(job.id, timeout=60)
    assert job.status == "succeeded"
    fresh = locked(scanned_pdf(f"Another one. {mark}"))
    assert client.wait(client.submit(fresh, name="c.pdf", password=SECRET, notify=notify).id, timeout=60).ok
    no_password_is_kept(stack)
    give_up = time.monotonic() + 30
    while len(receiver.payloads(hook)) < 4:
        assert time.monotonic() < give_up
        time.sleep(0.1)
    words = (SECRET, wrong, SECRET.encode("unicode_escape").decode())
    assert where_it_is(stack, words) == []
    said = [str(payload) for payload in receiver.payloads(hook)]
    assert not any(word in text for text in said for word in words)
    assert not any(word in str(client.events(job.id)) + str(job.as_dict()) for word in words)


@pytest.mark.usefixtures("tesseract")
def test_scanned_pages_that_are_locked(client: Client, stack: Stack) -> None:
    """It is needed until OCR has read them, and no longer."""
    data = locked(scanned_pdf("Typed.", scan(f"Reference {uuid.uuid4().int % 10**6}.")))
    job = client.wait(client.submit(data, name="scan.pdf", password=SECRET).id, timeout=90)
    assert (job.status, job.stages[1].name, job.stages[1].result) == ("succeeded", "ocr", {"read": 1, "problems": 0})
    assert kept(stack) == 0


def test_a_cancelled_job_leaves_none(client: Client, stack: Stack) -> None:
    job = client.submit(locked(scanned_pdf("Typed.")), pipeline="hostile-first", password=SECRET)
    client.cancel(job.id)
    no_password_is_kept(stack)


def test_an_error_of_the_database_does_not_repeat_it(client: Client) -> None:
    with pytest.raises(Exception, match="relation") as caught, client._engine.begin() as connection:
        connection.exec_driver_sql("insert into nothing values (%s)", (SECRET,))
    assert SECRET not in str(caught.value)


def test_from_a_shell(client: Client, stack: Stack, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from docrelay.cli.program import docrelay

    (tmp_path / "a.pdf").write_bytes(locked(scanned_pdf(f"Typed. {uuid.uuid4().hex}")))
    (tmp_path / "password").write_text(SECRET + "\n", encoding="utf-8")

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(docrelay, ["--database", stack.database_url, *arguments])
        return done.exit_code, done.output

    file = str(tmp_path / "password")
    assert run("submit", str(tmp_path / "a.pdf"), "--wait")[0] == 3
    job = client.jobs(limit=1)[0]
    assert run("retry", str(job.id), "--password-file", file)[0] == 0
    assert client.wait(job.id, timeout=60).status == "succeeded"
    code, said = run("submit", str(tmp_path / "a.pdf"), file, "--password-file", file)
    assert (code, "--password-file is for one source" in said) == (2, True)
    assert run("submit", file, "--password-file", str(tmp_path / "none"))[0] == 2
