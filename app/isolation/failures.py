"""How a call of a document process can end without a value.

CallFailed
├── WorkRefused    the function raised: class, code and sentence are its own
├── LimitHit       a limit was exceeded, and the process killed for it
├── ProcessDied    the process ended in the middle of the call
└── AnswerGarbled  the process answered what nobody can read, and was killed for it
NotReady           the process could not start its functions: no document did that
"""

import signal
from dataclasses import asdict, dataclass
from typing import Any

from app.isolation.evidence import Evidence
from app.isolation.protocol import Refusal


class CallFailed(Exception):  # noqa: N818
    """A call gave no value; `evidence` says what it used and what its process wrote last."""

    evidence: Evidence | None = None


class ProcessDied(CallFailed):
    """The process ended in the middle of a call."""

    def __init__(self, code: int) -> None:
        """Say how, from its exit code."""
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        super().__init__(f"the document's process {how}")
        self.code = code


class AnswerGarbled(CallFailed):
    """What the process answered is no message, or no value of the type that was asked for."""

    def __init__(self, why: Exception) -> None:
        """Keep why it cannot be read."""
        super().__init__(f"the document's process gave an answer that cannot be read ({why}); it was killed")


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A limit that was exceeded: its name, its value, what was used, and the unit of both."""

    limit: str
    value: float
    used: float
    unit: str

    def as_row(self) -> dict[str, Any]:
        """As it is kept with the error: `{"limit": "memory", "value": 512, "used": 530, "unit": "MiB"}`."""
        return asdict(self)


class LimitHit(CallFailed):
    """A limit was exceeded, and the process killed for it."""

    def __init__(self, exceeded: Exceeded, how: str = "") -> None:
        """Name the limit, its value and what was used; `how` says the last in other words."""
        limit, unit = exceeded.limit, exceeded.unit
        how = how or f"{exceeded.used:g} {unit} were used"
        super().__init__(
            f"the limit on {limit} of {exceeded.value:g} {unit} was exceeded ({how}); its process was killed"
        )
        self.exceeded = exceeded


class NotReady(Exception):  # noqa: N818
    """The process could not start its functions: a model or a package is missing. No document did that."""


class WorkRefused(CallFailed):
    """The function in the process raised; its class, code, message and traceback are here."""

    def __init__(self, refusal: Refusal) -> None:
        """Keep what the process said."""
        super().__init__(refusal.message)
        self.refusal = refusal
