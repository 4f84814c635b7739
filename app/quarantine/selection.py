"""Which of the quarantined are meant."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from docrelay.errors import DocrelayError

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LETTER_PREFIX = "message-"
SHORTEST_ID = 4


class WrongSelection(DocrelayError):  # noqa: N818 - reads as in `except WrongSelection`
    """An id that names nothing or several things, or a time that cannot be read."""


@dataclass(frozen=True, slots=True)
class Selection:
    """All that is set must hold. Ids may be shortened to their end; `message-7` is a refused message."""

    ids: tuple[str, ...] = ()
    error_class: str | None = None
    code: str | None = None
    stage: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    discarded: bool = False
    """Those that were discarded, too."""

    def __post_init__(self) -> None:
        """Refuse ids that are too short to mean one thing.

        Raises:
            WrongSelection: says which.
        """
        for given in self.job_ids:
            if len(given) < SHORTEST_ID:
                raise WrongSelection(f"{given!r} is no id: give {SHORTEST_ID} characters of its end, or more")

    @property
    def job_ids(self) -> list[str]:
        """Ends of jobs' ids."""
        return [given.lower() for given in self.ids if not given.startswith(LETTER_PREFIX)]

    @property
    def letter_ids(self) -> list[int]:
        """Numbers of messages.

        Raises:
            WrongSelection: one is no number.
        """
        numbers = [given.removeprefix(LETTER_PREFIX) for given in self.ids if given.startswith(LETTER_PREFIX)]
        if wrong := next((number for number in numbers if not number.isdigit()), None):
            raise WrongSelection(f"{LETTER_PREFIX}{wrong} is no message: they are called {LETTER_PREFIX}1 and so on")
        return [int(number) for number in numbers]

    @property
    def everything(self) -> bool:
        """Whether nothing narrows it."""
        return not any((self.ids, self.error_class, self.code, self.stage, self.since, self.until))

    @property
    def of_jobs_only(self) -> bool:
        """Whether it asks for what messages have not."""
        return bool(self.error_class or self.code)


def moment(text: str) -> datetime:
    """`2h` or `3d` ago, or an ISO date and time, in UTC unless it says otherwise.

    Raises:
        WrongSelection: neither.
    """
    if found := re.fullmatch(r"(\d+)([smhd])", text):
        return datetime.now(UTC) - timedelta(**{UNITS[found[2]]: int(found[1])})
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise WrongSelection(f"{text!r} is no time: expected 30m, 2h, 3d or 2026-01-31T14:00") from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)
