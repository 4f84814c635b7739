"""What a caller can meet, as one tree.

DocrelayError
├── ConfigError      a setting is missing or wrong; the message names the variable
├── SourceError      what was submitted cannot be read (no such file, empty answer, wrong scheme)
├── NotFound         no such job or document
├── Conflict         the thing is in a state that does not allow this (retry of a running job)
├── CollectionFull   it has as many unfinished jobs as the submitter wanted at most; submit again later
├── JobFailed        a job that was waited for did not succeed; `.job` has the rest
├── WaitTimeout      it is not over yet; `.job` is its state, and waiting again is safe
├── SearchUnavailable  no process answered with the query's vector, or the new order, in time; or none can
└── Unavailable      the database cannot be reached; nothing was accepted, trying again is safe
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docrelay.views import Job


class DocrelayError(Exception):
    """The base of all errors of docrelay."""


class ConfigError(DocrelayError):
    """A setting is missing or wrong."""


class SourceError(DocrelayError):
    """What was submitted cannot be read."""


class NotFound(DocrelayError):  # noqa: N818 - part of the public contract, reads as in `except NotFound`
    """No such job or document."""


class Conflict(DocrelayError):  # noqa: N818
    """The state of the thing does not allow this."""


class CollectionFull(DocrelayError):  # noqa: N818
    """A collection has as many unfinished jobs as `max_unfinished` allows; nothing was accepted.

    `collection`, `limit` and `unfinished`, counted up to one more than the limit.
    """

    def __init__(self, collection: str, limit: int, unfinished: int, waited: float | None = None) -> None:
        """Say how full it is, and what to do."""
        many = f"more than {limit}" if unfinished > limit else str(unfinished)
        jobs = "unfinished job" if many == "1" else "unfinished jobs"
        still = f" after {waited:g} s still" if waited is not None else ""
        super().__init__(
            f"collection {collection!r}{still} has {many} {jobs}, and max_unfinished={limit}: submit again later, let "
            "submit wait (when_full='wait'), add workers, or raise max_unfinished"
        )
        self.collection = collection
        self.limit = limit
        self.unfinished = unfinished


class JobFailed(DocrelayError):  # noqa: N818
    """The job ended as failed, quarantined or cancelled."""

    def __init__(self, job: "Job") -> None:
        """Keep the job, so that the caller can look at its stages and error."""
        super().__init__(f"job {job.id} ({job.document.name}) {job.reason}")
        self.job = job


class WaitTimeout(DocrelayError):  # noqa: N818
    """The job is not over yet."""

    def __init__(self, job: "Job", seconds: float) -> None:
        """Keep the job as it was when time ran out."""
        super().__init__(f"job {job.id} ({job.document.name}) is still {job.status} after {seconds:g} s")
        self.job = job


class SearchUnavailable(DocrelayError):  # noqa: N818
    """No process that holds the model answered in time, or the model that was asked for is not there."""


class Unavailable(DocrelayError):  # noqa: N818
    """The database cannot be reached."""
