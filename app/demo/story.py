"""What the demo does, step by step, and what it shows of it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from app.demo.checks import Check, check_deliveries, check_duplicate, check_jobs, check_search
from app.demo.deliveries import Sent, wait_for_deliveries
from app.demo.documents import Sample, make_documents
from app.demo.receiver import Receiver
from app.development.receiver import Request
from docrelay import Client, Job
from docrelay.cli.find import show_hit
from docrelay.cli.following import follow
from docrelay.cli.present import STYLES, clipped, duration, note, status, table
from docrelay.cli.progress import Bars, Lines
from docrelay.cli.timeline import print_timeline

COLLECTION = "demo"
NAME_WIDTH = 24
DONE_SECONDS = 90
DELIVERED_SECONDS = 30
SEARCHES = (
    ("am I allowed to live here with a dog", "lease.pdf"),
    ("the online shop could not take money", "post-mortem.md"),
    ("making bread rise without packaged yeast", "sourdough.pdf"),
)


class Story:
    """Tells what happens and remembers whether it was right."""

    def __init__(self, out: Console, client: Client, receiver: Receiver, folder: Path) -> None:
        """Take a service that runs, a receiver that listens, and a folder for the documents."""
        self._out = out
        self._client = client
        self._receiver = receiver
        self._folder = folder
        self.checks: list[Check] = []

    def tell(self) -> None:
        """Everything, in order."""
        samples = make_documents(self._folder)
        jobs = self._submit(samples)
        again = self._submit_again(jobs["lease.pdf"])
        sent = wait_for_deliveries(self._client.url, timeout=DELIVERED_SECONDS)
        jobs = {name: self._client.get(job.id) for name, job in jobs.items()}
        self._show_jobs([*jobs.values(), again])
        self._show_timeline(jobs)
        self._search()
        self._show_deliveries(sent)
        self.checks += check_jobs(samples, jobs)
        self.checks.append(check_duplicate(jobs["lease.pdf"], again))
        self.checks += check_deliveries(sent, self._receiver.requests, len(jobs) + 1)

    def _submit(self, samples: Sequence[Sample]) -> dict[str, Job]:
        heading(self._out, f"{len(samples)} documents", f"docrelay submit * --collection {COLLECTION} --watch")
        paths = [sample.path for sample in samples]
        made = self._client.submit_many(paths, collection=COLLECTION, notify=[self._receiver.url])
        names = {job.id: sample.path.name for job, sample in zip(made, samples, strict=True)}
        jobs: dict[str, Job] = {}
        with Bars(self._out) if self._out.is_terminal else Lines() as view:
            for job in follow(self._client, list(names), timeout=DONE_SECONDS):
                jobs[names[job.id]] = job
                view.update(job)
        return {sample.path.name: jobs[sample.path.name] for sample in samples}

    def _submit_again(self, first: Job) -> Job:
        path = self._folder / first.document.name
        return self._client.submit(
            path, name="copy-of-the-lease.pdf", collection=COLLECTION, notify=[self._receiver.url]
        )

    def _show_jobs(self, jobs: Sequence[Job]) -> None:
        heading(self._out, "What became of them", f"docrelay jobs --collection {COLLECTION}")
        self._out.print(table(("document", "status", "pages", "took", "parse", "vectorize", "why"), map(_row, jobs)))

    def _show_timeline(self, jobs: dict[str, Job]) -> None:
        refused = next((one.document for one in self._receiver.requests if one.answered != 204), "lease.pdf")
        job = jobs[refused]
        heading(self._out, f"Everything that happened to {refused}", f"docrelay show {str(job.id)[-8:]} --events")
        print_timeline(self._out, job, self._client.events(job.id))

    def _search(self) -> None:
        title = "Found by meaning: no word of the question is in the answer"
        heading(self._out, title, "docrelay search --mode vector …")
        for query, wanted in SEARCHES:
            hits = self._client.search(query, collection=COLLECTION, mode="vector", limit=3, timeout=30)
            self.checks.append(check_search(query, wanted, hits))
            self._out.print(Text.assemble(("? ", "bold"), (query, "italic")))
            for hit in hits[:1]:
                show_hit(self._out, hit)
                self._out.print()

    def _show_deliveries(self, sent: Sequence[Sent]) -> None:
        heading(self._out, "Notifications, by the receiver's and by the service's account", "")
        rows = [_sent_row(one, self._receiver.requests) for one in sent]
        self._out.print(table(("document", "event", "status", "tries", "answer in", "signature", ""), rows))


def heading(out: Console, title: str, command: str) -> None:
    """What comes next, and the command that shows it anywhere."""
    out.print()
    out.print(Text.assemble((title, "bold"), f"   $ {command}" if command else "", style=""))
    out.print()


def _row(job: Job) -> tuple[str | Text, ...]:
    ran = {stage.name: Text(duration(stage.ran or None), STYLES[stage.status]) for stage in job.stages}
    return (
        clipped(job.document.name, NAME_WIDTH),
        status(job.status),
        str(job.document.page_count or ""),
        duration(job.seconds),
        ran["parse"],
        ran["vectorize"],
        note(job).removeprefix("parse: "),
    )


def _sent_row(one: Sent, received: Sequence[Request]) -> tuple[str | Text, ...]:
    mine = [request for request in received if request.id == one.id]
    valid = bool(mine) and all(request.verified for request in mine)
    refused = [str(request.answered) for request in mine if request.answered != 204]
    return (
        clipped(one.document, NAME_WIDTH),
        one.event,
        status(one.status),
        str(one.tries),
        duration(one.seconds),
        Text("valid", "green") if valid else Text("INVALID" if mine else "", "red"),
        f"first answered {', '.join(refused)}" if refused else "",
    )


@contextmanager
def step(out: Console, text: str) -> Iterator[None]:
    """Something that takes its time: say what, and then how long."""
    begun = time.monotonic()
    if out.is_terminal:
        with out.status(text):
            yield
        out.print(text, end=" … ")
    else:
        out.print(text, end=" … ")
        yield
    out.print(duration(time.monotonic() - begun))
