"""Makes `flower.png` from a real run: python -m docs.pictures.make

Starts the whole service in a temporary folder, sends the demo's documents through, and photographs what
Flower shows. Needs Chromium; installs it where apt can.
"""

import contextlib
import tempfile
import time
from pathlib import Path

from app.demo.documents import make_documents
from app.development.service import service
from app.stack.whole import Stack
from docrelay import Client, JobFailed
from tests.flower.browser import browsing, signed_in

HERE = Path(__file__).parent
WIDTH, HEIGHT = 1400, 860
SCALE = 0.8
"""All columns of the list fit into the picture."""

DRAWN_SECONDS = 2.0


def main() -> None:
    """Make the picture."""
    with tempfile.TemporaryDirectory(prefix="docrelay-") as name:
        folder = Path(name)
        with service(folder / "home", with_flower=True) as stack:
            _work(stack, folder / "documents")
            _photograph(stack, folder)


def _work(stack: Stack, folder: Path) -> None:
    folder.mkdir()
    paths = [sample.path for sample in make_documents(folder)]
    with Client(stack.database_url) as client:
        for job in client.submit_many(paths, collection="handbook"):
            with contextlib.suppress(JobFailed):  # some cannot be read, and are meant to be
                client.wait(job.id, timeout=120)


def _photograph(stack: Stack, folder: Path) -> None:
    time.sleep(DRAWN_SECONDS)  # the last events are on their way
    with browsing(folder, width=WIDTH, height=HEIGHT, scale=SCALE) as browser:
        browser.get(signed_in(stack.plan, "/tasks"))
        time.sleep(DRAWN_SECONDS)
        browser.save_screenshot(str(HERE / "flower.png"))


if __name__ == "__main__":
    main()
