"""What callers get back: frozen values, read from the rows at one moment."""

import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from docrelay.names import FINISHED, GOOD, INCOMPLETE, DeliveryStatus, JobStatus, StageStatus


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something did not succeed: class (transient, permanent, poison), code, and a sentence.

    Where it is tried again, so many of the `allowed` tries have failed. If a limit was hit, `exceeded` has its name as
    `limit`, its `value`, what was `used`, and the `unit` of both.
    """

    stage: str
    error_class: str
    code: str
    message: str
    traceback: str | None = None
    tried: int | None = None
    allowed: int | None = None
    exceeded: dict[str, Any] | None = None

    @classmethod
    def of(cls, row: dict[str, Any] | None) -> "Problem | None":
        """The problem kept in a row, if there is one."""
        if row is None:
            return None
        return cls(
            row["stage"],
            row["class"],
            row["code"],
            row["message"],
            row.get("traceback"),
            row.get("tried"),
            row.get("allowed"),
            row.get("exceeded"),
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a job. Seconds waited and ran are sums over all attempts."""

    name: str
    status: StageStatus
    attempt: int
    failures: int
    done: int | None
    total: int | None
    unit: str | None
    waited: float
    ran: float
    worker: str | None
    due_at: datetime | None
    error: Problem | None
    result: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a collection. `problems` are pages that could not be read, with why."""

    id: uuid.UUID
    name: str
    collection: str
    size: int
    sha256: str
    media_type: str | None = None
    page_count: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Child:
    """The job of a document that was found inside another: a file of an archive, an attachment."""

    id: uuid.UUID
    name: str
    status: JobStatus
    member: str | None
    """Where it stands in its container."""


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a pipeline over a document.

    `ahead` is its place in the queue and `starts_in` about how many seconds that takes, while it waits for a worker
    and as far as recent runs tell. `children` are the jobs of documents that were found in this one, `parent` is the
    job of the document that this one was found in, at `depth` containers below what was submitted.
    """

    id: uuid.UUID
    status: JobStatus
    pipeline: str
    document: Document
    priority: int
    stages: tuple[Stage, ...]
    error: Problem | None
    key: str | None
    same_as: uuid.UUID | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    batch_id: uuid.UUID | None = None
    not_before: datetime | None = None
    waiting_because: str | None = None
    ahead: int | None = None
    starts_in: float | None = None
    parent: uuid.UUID | None = None
    depth: int = 0
    member: str | None = None
    children: tuple[Child, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether the outcome is known."""
        return self.status in FINISHED

    @property
    def ok(self) -> bool:
        """Whether the outcome is a good one (`partial` and `no_text` are: what could be read was)."""
        return self.status in GOOD

    @property
    def seconds(self) -> float | None:
        """From submission to outcome."""
        return (self.finished_at - self.created_at).total_seconds() if self.finished_at else None

    @property
    def reason(self) -> str:
        """One clause that says how it stands, and why."""
        if self.error:
            return f"{self.status} in {self.error.stage}: {self.error.message}"
        if self.status in INCOMPLETE:
            return f"{self.status}: {self._unread()}"
        if self.same_as:
            return f"{self.status}: identical to an earlier document, nothing computed"
        return self.waiting_because or str(self.status)

    def _unread(self) -> str:
        """How many pages could not be read, and why the first of them could not."""
        problems = self.document.problems
        if not problems:
            return "the document has no text to index"
        of_all = f" of {self.document.page_count}" if self.document.page_count else ""
        first = problems[0]
        return f"{len(problems)}{of_all} pages could not be read; page {first['page']}: {first['message']}"

    def as_dict(self) -> dict[str, Any]:
        """The job as plain values for JSON: ids and times as text, seconds as numbers."""
        values: dict[str, Any] = plain(asdict(self))
        return values | {"seconds": self.seconds, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job: when, what, who, and the detail."""

    at: datetime
    kind: str
    stage: str | None
    attempt: int | None
    who: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One try at a notification; `answer` is the start of what the receiver said."""

    number: int
    at: datetime
    seconds: float
    status_code: int | None
    answer: str | None
    error: str | None
    sender: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notification, and what became of it. Its id is the receiver's `webhook-id`."""

    id: uuid.UUID
    event: str
    target: str
    status: DeliveryStatus
    job_id: uuid.UUID | None
    tries: int
    status_code: int | None
    error: str | None
    created_at: datetime
    due_at: datetime | None
    delivered_at: datetime | None
    payload: dict[str, Any]
    attempts: tuple[DeliveryAttempt, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The delivery as plain values for JSON."""
        values: dict[str, Any] = plain(asdict(self))
        return values


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found by a search.

    `score` is for comparing the hits of one search; what it means depends on the mode (`docrelay.names.SearchMode`).
    If they were re-ranked, it is what the cross-encoder says of query and passage, more being better: by most models
    from 0 to 1, by some any number. The other figures are those of the mode, which chose the passages.
    `similarity` is the cosine of the angle to the query (1 for the same meaning), where vectors were compared;
    `relevance` the BM25 score, where its words were. `highlights` are spans of `text` that match words of the query.
    """

    score: float
    document: Document
    page: int
    page_last: int
    span: tuple[int, int]
    heading: str | None
    text: str
    similarity: float | None = None
    relevance: float | None = None
    highlights: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection in numbers."""

    name: str
    documents: int
    chunks: int
    unfinished: int
    bytes: int


def plain(value: Any) -> Any:
    """Ids and times as text, in all depths, for JSON."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return value
