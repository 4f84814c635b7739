"""How every process of the service writes its log."""

import logging
import logging.config
import time
from typing import Any, Final

FORMAT: Final = "%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s: %(message)s"

QUIET: Final = {
    # Both write a line per connection or request at INFO, which hides the few that matter.
    "httpx": "WARNING",
    "httpcore": "WARNING",
    # Each task's arguments are ids; our own lines say what was done with them.
    "celery.worker.strategy": "WARNING",
    "celery.app.trace": "WARNING",
    # pypdf reports every oddity of a damaged file; the job's events carry what counts.
    "pypdf": "ERROR",
}

ALWAYS_QUIET: Final = {
    # At DEBUG they write whole URLs and headers, and with them what is secret about a receiver.
    "httpx": "WARNING",
    "httpcore": "WARNING",
    "apprise": "CRITICAL",
}


class UtcFormatter(logging.Formatter):
    """Writes times in UTC, so that lines of several hosts can be compared."""

    converter = staticmethod(time.gmtime)


def logging_settings(level: str) -> dict[str, Any]:
    """The `logging.config` dictionary: everything to standard error, one line each."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": UtcFormatter, "format": FORMAT, "datefmt": "%Y-%m-%dT%H:%M:%S"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {name: {"level": quieter} for name, quieter in _quieter(level).items()},
    }


def _quieter(level: str) -> dict[str, str]:
    return ALWAYS_QUIET if level == "DEBUG" else {**QUIET, **ALWAYS_QUIET}


def configure_logging(level: str) -> None:
    """Set up this process's log; called once by whatever starts a process, never at import."""
    logging.config.dictConfig(logging_settings(level))
