"""One entry of config/schedule.toml: its keys, and what is expected of each."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.schedule.durations import Duration, spell
from app.schedule.zones import zone
from docrelay.submitting import TARGET

PIPELINE_TASK = "pipeline"
"""The task that an entry with `pipeline` means."""

MOST_CAUGHT_UP = 1000

SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)
FIELDS = "five fields: minute (0-59) hour (0-23) day (1-31) month (1-12, JAN-DEC) weekday (0-7, SUN-SAT)"


def _cron(text: str) -> str:
    if len(text.split()) != 5:
        raise ValueError(f"expected {FIELDS}")
    try:
        next(CronSim(text, SOME_TIME))
    except CronSimError as error:
        raise ValueError(f"{str(error).lower()}: expected {FIELDS}") from None
    except StopIteration:
        raise ValueError("expected a time that comes: no such day in the next 50 years") from None
    return " ".join(text.split())


def _zone(name: str) -> str:
    zone(name)
    return name


def _at_least_a_second(every: timedelta) -> timedelta:
    if every < timedelta(seconds=1):
        raise ValueError("expected one second or more")
    return every


def check_target(target: str) -> str:
    """A target of notifications; a ValueError says what is expected."""
    if not TARGET.fullmatch(target):
        raise ValueError("expected an http(s) URL without a password, mailto: and an address, or @ and a known name")
    return target


def _catch_up(value: object) -> object:
    is_number = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_CAUGHT_UP
    if value not in ("none", "last") and not is_number:
        raise ValueError(f"expected 'none', 'last' or a number from 1 to {MOST_CAUGHT_UP}")
    return value


Seconds = Annotated[Duration, AfterValidator(_at_least_a_second)]


class Entry(BaseModel):
    """A recurring job: when, what, and what to do when things do not go as planned."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    cron: Annotated[str, AfterValidator(_cron)] | None = None
    """Minute, hour, day, month, weekday, in the entry's time zone."""

    every: Seconds | None = None
    """Instead of `cron`: due whenever so much time has passed since 1970-01-01T00:00Z, so that all Beats agree."""

    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """IANA name. Times of the day that `cron` names are of this zone; `every` is the same in all of them."""

    task: Annotated[str, Field(min_length=1)] | None = None
    """The name of a recurring task: `sync`, `retention` … or one of your own."""

    pipeline: Annotated[str, Field(min_length=1)] | None = None
    """Instead of `task`: run this pipeline over the documents of a collection."""

    arguments: dict[str, Any] = {}
    """What the task is given; each task checks its own."""

    enabled: bool = True
    """False: as if the entry were not there, but for `schedule list`."""

    overlap: Literal["skip", "queue", "allow"] = "skip"
    """What to do when the run before is not over: leave this one out, let it wait, or run both."""

    catch_up: Annotated[Literal["none", "last"] | int, BeforeValidator(_catch_up)] = "last"
    """Which of the due times that no Beat saw are run late: none, the last, or the last so many."""

    expires: Seconds | None = None
    """A run that has not started so long after its due time is not started any more."""

    jitter: Duration = timedelta(0)
    """Start up to so much later, by a number drawn from name and due time: spreads entries of the same minute."""

    limit: Seconds = timedelta(hours=1)
    """A run that takes longer is taken from its worker."""

    notify: list[Annotated[str, AfterValidator(check_target)]] = []
    """Who is told how each run ended."""

    rehearsal: Literal["required", "off"] = "required"
    """Whether the entry fires only after `schedule rehearse` has gone well with the same task and arguments."""

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.cron is None) == (self.every is None):
            raise ValueError("expected either `cron` or `every`")
        if (self.task is None) == (self.pipeline is None):
            raise ValueError("expected either `task` or `pipeline`")
        if isinstance(self.catch_up, int) and self.catch_up > 1 and self.overlap == "skip":
            raise ValueError(f"catch_up = {self.catch_up} starts several at once: expected overlap 'queue' or 'allow'")
        return self

    @property
    def work(self) -> tuple[str, dict[str, Any]]:
        """Task and arguments; a pipeline is run by the task of that name."""
        if self.task is not None:
            return self.task, self.arguments
        return PIPELINE_TASK, {"pipeline": self.pipeline, **self.arguments}

    @property
    def form(self) -> str:
        """A hash of what it does, but not of when: whoever changes this has to rehearse again."""
        task, arguments = self.work
        spelled = json.dumps([task, arguments, self.limit.total_seconds()], sort_keys=True, default=str)
        return hashlib.sha256(spelled.encode()).hexdigest()[:16]

    @property
    def timing(self) -> str:
        """When it is due, as people read it."""
        return self.cron or f"every {spell(self.every)}" if self.every else str(self.cron)

    def as_row(self) -> dict[str, Any]:
        """As it is kept in Postgres; `Entry.model_validate` takes it back."""
        return self.model_dump(exclude_defaults=True, mode="json")
