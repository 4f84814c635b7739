"""Exit statuses, so that a script can tell why a command did not succeed."""

from enum import IntEnum

from docrelay.errors import CollectionFull, DocrelayError, JobFailed, WaitTimeout


class Exit(IntEnum):
    """Why the command ended."""

    OK = 0
    ERROR = 1  # something could not be done: not found, database away, file unreadable
    USAGE = 2  # the command line is wrong; click's own number
    JOB_FAILED = 3  # it was done, and a job that was waited for did not succeed
    TIMEOUT = 4  # a job that was waited for is not over yet
    FULL = 5  # the collection has as many unfinished jobs as were wanted at most


def exit_of(error: DocrelayError) -> Exit:
    """The exit status that belongs to an error."""
    if isinstance(error, JobFailed):
        return Exit.JOB_FAILED
    if isinstance(error, WaitTimeout):
        return Exit.TIMEOUT
    if isinstance(error, CollectionFull):
        return Exit.FULL
    return Exit.ERROR
