"""Every name that crosses a process: statuses, queues, tasks, channels, variables.

Rows, messages, settings and other programs spell these, so each is written here once.
"""

from enum import StrEnum
from typing import Final


class JobStatus(StrEnum):
    """What a whole job is doing; `docrelay.transitions` draws how one becomes another."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    NO_TEXT = "no_text"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    CANCELLED = "cancelled"


class StageStatus(StrEnum):
    """What one stage of a job is doing."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class AttemptOutcome(StrEnum):
    """How one attempt at a stage ended, and so whose fault it was.

    The document pays for `failed` (its failures), `crashed` and `limit` (its strikes); nobody
    pays for `lost` (the worker vanished), `interrupted` (it was told to stop) and `cancelled`.
    """

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CRASHED = "crashed"
    LIMIT = "limit"
    LOST = "lost"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"


class ErrorClass(StrEnum):
    """May it pass by itself? Decides what happens to a stage that did not succeed."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    POISON = "poison"


class DeliveryStatus(StrEnum):
    """What became of one notification."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class SearchMode(StrEnum):
    """How a search compares passages with the query, and so what a hit's score is."""

    HYBRID = "hybrid"  # both rankings fused: 1 for a passage that is the first in both
    VECTOR = "vector"  # by meaning: the cosine similarity
    TEXT = "text"  # by words: BM25; needs no model and no worker


class GenerationStatus(StrEnum):
    """What a generation of the index is to searches; `docrelay.transitions.generations` draws it."""

    BUILDING = "building"
    ACTIVE = "active"
    RETIRED = "retired"
    ABORTED = "aborted"
    REMOVED = "removed"


class RunKind(StrEnum):
    """Why a recurring job ran."""

    SCHEDULE = "schedule"
    HAND = "hand"
    REHEARSAL = "rehearsal"


SCHEDULE_COLLECTION: Final = ".schedule"
"""Recurring runs are jobs over a document that only names their entry, in this collection, which is shown to nobody."""

RECUR_PIPELINE: Final = "recur"
RECUR_STAGE: Final = "recur"

UNFINISHED: Final = (JobStatus.QUEUED, JobStatus.RUNNING)
FINISHED: Final = tuple(status for status in JobStatus if status not in UNFINISHED)
GOOD: Final = (JobStatus.SUCCEEDED, JobStatus.PARTIAL, JobStatus.NO_TEXT)
INCOMPLETE: Final = (JobStatus.PARTIAL, JobStatus.NO_TEXT)
"""Good, but a later try may find more."""


class Queue(StrEnum):
    """One queue per kind of work, and one worker group per queue."""

    PARSE = "docrelay.parse"
    OCR = "docrelay.ocr"
    VECTORIZE = "docrelay.vectorize"
    NOTIFY = "docrelay.notify"
    RECUR = "docrelay.recur"


EXCHANGE: Final = "docrelay"
DEAD_LETTER_EXCHANGE: Final = "docrelay.dead"
DEAD_LETTER_QUEUE: Final = "docrelay.dead"

REEMBED: Final = "reembed"
"""The pipeline of jobs that put a document that is indexed into the next generation."""

STAGE_TASK_PREFIX: Final = "docrelay."
"""A stage named `parse` is announced as the task `docrelay.parse` on the queue `docrelay.parse`."""


class Channel(StrEnum):
    """Postgres NOTIFY channels. A notification is a hint; the rows are what counts."""

    READY = "docrelay_ready"  # a stage became ready: payload its queue
    JOB = "docrelay_job"  # a job changed: payload its id
    QUERY = "docrelay_query"  # a search waits for its vector: payload the query's id
    RERANK = "docrelay_rerank"  # a search waits for its candidates' scores: payload the request's id
    ANSWER = "docrelay_answer"  # one of these has what it waits for: payload its id
    DELIVERY = "docrelay_delivery"  # a notification that the dispatcher sends: payload its event


class Variable(StrEnum):
    """Environment variables. Clients read the first two, the service all."""

    DATABASE_URL = "DOCRELAY_DATABASE_URL"
    HOME = "DOCRELAY_HOME"
    STORAGE_URL = "DOCRELAY_STORAGE_URL"


HOME_DEFAULT: Final = ".docrelay"
ADDRESS_FILE: Final = "database-url"
"""In the home folder: where the embedded stack says its database is."""

PIECE_BYTES: Final = 1024 * 1024
"""Bytes are kept in pieces of 1 MiB, so that neither side holds a whole document in a row."""

PRIORITY_DEFAULT: Final = 5
PRIORITY_LOWEST: Final = 1
PRIORITY_HIGHEST: Final = 10
PRIORITY_INTERACTIVE: Final = 8
"""From here up somebody is waiting: large documents make way at once."""
