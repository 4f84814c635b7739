"""Archives and mails: what is inside is read like what is submitted by itself."""

import io
import uuid
import zipfile
from contextlib import nullcontext
from email.message import EmailMessage

import psycopg
import pytest

from app.stack.whole import Stack
from docrelay import Client, Job, JobFailed
from tests.pipelines.scans import scanned_pdf
from tests.service.conftest import Receiver


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def nested(depth: int, mark: str) -> bytes:
    data = f"The innermost text. {mark}".encode()
    name = "text.txt"
    for level in range(depth):
        data, name = zipped({name: data, f"beside-{level}.txt": f"Beside {level}. {mark}".encode()}), f"{level}.zip"
    return data


def family(client: Client, job: Job) -> list[Job]:
    found = [client.get(child.id) for child in job.children]
    return [*found, *[deeper for child in found for deeper in family(client, child)]]


def test_what_is_in_an_archive_is_found(client: Client, receiver: Receiver) -> None:
    mark = uuid.uuid4().hex
    collection = f"zip-{mark}"
    data = zipped(
        {
            "letters/fox.txt": f"Foxes hunt mice under the snow. {mark}".encode(),
            "report.pdf": scanned_pdf(f"Owls see well at night. {mark}"),
            "broken.pdf": b"%PDF-1.7\n" + mark.encode(),
            "more.zip": zipped({"deep.txt": f"Bees dance for their sisters. {mark}".encode()}),
        }
    )
    hook = f"/zip-{mark}"
    notify = [receiver.url + hook]
    job = client.submit(data, name="all.zip", collection=collection, priority=7, notify=notify)
    job = client.wait(job.id, timeout=90)
    assert job.status == "succeeded"
    assert sorted(child.member or "" for child in job.children) == [
        "broken.pdf",
        "letters/fox.txt",
        "more.zip",
        "report.pdf",
    ]
    for child in job.children:
        with pytest.raises(JobFailed) if child.name == "broken.pdf" else nullcontext():
            client.wait(child.id, timeout=90, children=True)
    every = family(client, job)
    assert {(each.member, each.depth, each.status.value) for each in every} == {
        ("letters/fox.txt", 1, "succeeded"),
        ("report.pdf", 1, "succeeded"),
        ("broken.pdf", 1, "failed"),
        ("more.zip", 1, "succeeded"),
        ("deep.txt", 2, "succeeded"),
    }
    assert all(each.priority == 7 and each.document.collection == collection for each in every)
    hits = client.search("what do foxes eat", collection=collection, limit=3)
    assert "fox.txt" in [hit.document.name for hit in hits]
    # Again, in another pipeline: nothing is computed twice, and this job has children of its own.
    other = client.wait(client.submit(data, name="all.zip", collection=collection, pipeline="extract").id, timeout=60)
    assert len(other.children) == 4
    assert {child.id for child in other.children}.isdisjoint(child.id for child in job.children)
    client.delete(job.document.id)
    assert client.jobs(collection=collection) == []


def test_attachments_of_a_mail(client: Client) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.org", "b@example.org", f"Minutes {uuid.uuid4().hex}"
    mail.set_content("The minutes are attached.")
    mail.add_attachment(
        scanned_pdf(f"The board met in May. {uuid.uuid4().hex}"), "application", "pdf", filename="m.pdf"
    )
    job = client.wait(client.submit(mail.as_bytes(), name="mail.eml").id, timeout=90, children=True)
    assert job.status == "succeeded"
    assert [(child.name, child.status) for child in job.children] == [("m.pdf", "succeeded")]


def test_containers_in_containers_are_opened_so_deep(client: Client) -> None:
    job = client.wait(client.submit(nested(6, uuid.uuid4().hex), name="deep.zip").id, timeout=120, children=True)
    every = family(client, job)
    assert max(each.depth for each in every) == 3
    deepest = [each for each in every if each.depth == 3 and each.document.name.endswith(".zip")]
    assert any("max_depth" in note for each in deepest for note in each.document.notes)


def test_a_retry_from_the_beginning_makes_no_second_ones(client: Client, stack: Stack) -> None:
    data = zipped({"a.txt": uuid.uuid4().bytes.hex().encode(), "b.txt": uuid.uuid4().bytes.hex().encode()})
    job = client.wait(client.submit(data, name="two.zip").id, timeout=60, children=True)
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("update jobs set status = 'failed' where id = %s", (job.id,))
    client.retry(job.id, from_stage="parse")
    again = client.wait(job.id, timeout=60, children=True)
    assert [child.id for child in again.children] == [child.id for child in job.children]
    assert again.stages[0].attempt == 2
