"""A document with a page that cannot be read: the others are searchable, and the job says which and why."""

import io
import time
import uuid

import pypdf
from fpdf import FPDF
from pypdf.generic import ArrayObject, NumberObject

from docrelay import Client
from tests.service.conftest import Receiver


def _with_a_broken_page(*texts: str) -> bytes:
    """A PDF whose second page is no page."""
    pdf = FPDF()
    pdf.set_font("helvetica", size=14)
    for text in texts:
        pdf.add_page()
        pdf.multi_cell(0, 8, text)
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(bytes(pdf.output())))
    kids = writer.root_object["/Pages"]["/Kids"]  # type: ignore[index]
    assert isinstance(kids, ArrayObject)
    kids[1] = writer._add_object(NumberObject(7))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_what_could_be_read_is_kept(client: Client, receiver: Receiver) -> None:
    mark = uuid.uuid4().hex
    data = _with_a_broken_page(f"Bees dance {mark}.", "lost", "Foxes hunt mice under the snow.")
    hook = f"/partial-{mark}"
    collection = f"partial-{mark}"
    job = client.submit(data, name="broken-page.pdf", collection=collection, notify=[receiver.url + hook])
    job = client.wait(job.id, timeout=60)
    assert (job.status, job.ok) == ("partial", True)
    assert [problem["page"] for problem in job.document.problems] == [2]
    assert job.document.problems[0]["message"] in job.reason
    assert client.search("what do foxes eat", collection=collection, limit=1)[0].page_last == 3
    give_up = time.monotonic() + 30
    while not (got := receiver.payloads(hook)):
        assert time.monotonic() < give_up
        time.sleep(0.1)
    assert got[0]["type"] == "job.partial"
    assert got[0]["data"]["pages"] == job.document.problems  # type: ignore[index]
    again = client.submit(data, name="again.pdf", collection=collection)
    assert (again.status, again.same_as) == ("partial", job.id)
