"""Everything that happened to a job, in order."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from docrelay.cli.present import duration, printable, table
from docrelay.views import Event, Job

LONGEST_VALUE = 120
NEXT_TRY = "next_try_at"
STYLES = {"succeeded": "green", "failed": "red", "crashed": "red", "limit": "red", "job": "bold"}


def print_timeline(out: Console, job: Job, events: Sequence[Event]) -> None:
    """A line for each event: seconds since submission, what, and who did it."""
    rows = [
        (
            f"+{max(0.0, (event.at - job.created_at).total_seconds()):.2f} s",
            _stage(event),
            Text(printable(event.kind), STYLES.get(event.kind.split()[0].rstrip(","), "")),
            printable(event.who),
            _detail(event),
        )
        for event in events
    ]
    out.print(table(("after", "stage", "event", "who", ""), rows))


def _stage(event: Event) -> str:
    if event.stage is None:
        return ""
    return f"{event.stage} #{event.attempt}" if event.attempt else event.stage


def _detail(event: Event) -> str:
    """`key value` pairs; an error is its sentence."""
    detail = dict(event.detail)
    parts = []
    if sentence := detail.get("because") or detail.get("message"):
        parts.append(str(sentence))
    else:
        told = {key: value for key, value in detail.items() if value not in (None, [], {}) and key != NEXT_TRY}
        parts += [f"{key.replace('_', ' ')} {_value(value)}" for key, value in told.items()]
    if next_try := detail.get(NEXT_TRY):
        pause = datetime.fromisoformat(next_try) - event.at
        parts.append(f"next try {duration(max(0.0, pause.total_seconds()))} later")
    return printable(", ".join(parts))


def _value(value: Any) -> str:
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
