"""What repeats at the edges of pages: kept once, or on every page by a setting, which makes it another text."""

from pathlib import Path

import psycopg
from fpdf import FPDF

from app.development.service import service
from docrelay import Client, Job

TITLE = "Annual Report of the Owl Society"


def _report() -> bytes:
    pdf = FPDF()
    for number in range(1, 5):
        pdf.add_page()
        pdf.set_font("helvetica", size=10)
        pdf.text(20, 12, TITLE)
        for line in range(20):
            pdf.text(20, 40 + 6 * line, f"Sentence {line} of page {number} tells what owls did that year.")
    return bytes(pdf.output())


def _titles(database_url: str, job: Job) -> list[int]:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("select text from pages where document_id = %s order by number", (job.document.id,))
        return [text.count(TITLE) for (text,) in rows]


def test_every_line_is_kept_on_request_and_read_again_for_it(tmp_path: Path) -> None:
    data = _report()
    with service(tmp_path / "home") as running, Client(running.database_url) as client:
        job = client.wait(client.submit(data, name="report.pdf").id, timeout=60)
        assert _titles(running.database_url, job) == [1, 0, 0, 0]
    with service(tmp_path / "home", pdf_every_line=True) as running, Client(running.database_url) as client:
        again = client.submit(data, name="report.pdf")
        assert again.same_as is None
        assert client.wait(again.id, timeout=60).status == "succeeded"
        assert _titles(running.database_url, again) == [1, 1, 1, 1]
        assert client.submit(data, name="report.pdf").same_as == again.id
