"""Texts for people: a subject, a plain text and an HTML page from a notification's payload.

A template is ``<event>.txt`` and ``<event>.html``, else that of the event's first part (``job``, ``alert``), else
``default``; those of the operator's folder go before ours. The first line of the text is ``Subject: …``.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, FileSystemLoader, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipelines.parse.clean import clean_line

OURS = Path(__file__).parent / "templates"
LONGEST_SUBJECT = 160
LONGEST_VALUE = 2000
LONGEST_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class Words:
    """How an outcome is called, told and put right."""

    outcome: str
    sentence: str
    remedy: str = ""


WORDS = {
    "job.succeeded": Words("done", "has been processed."),
    "job.partial": Words(
        "done, but for some pages",
        "has been processed; some of its pages could not be read.",
        "look at these pages; `docrelay retry` tries them again.",
    ),
    "job.no_text": Words(
        "no text", "was read, and there is no text in it.", "a scan needs OCR before it can be searched."
    ),
    "job.failed": Words(
        "failed",
        "could not be processed.",
        "correct the document and submit it again, or `docrelay retry` the job once the cause is gone.",
    ),
    "job.quarantined": Words(
        "quarantined",
        "has brought down the processes that worked on it, and was put aside.",
        "ask the service's operator: `python -m app quarantine show` has the evidence.",
    ),
    "job.cancelled": Words("cancelled", "was cancelled."),
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a person reads."""

    subject: str
    text: str
    html: str


class Renderer:
    """Templates, compiled once. Sandboxed: a document's name is data, and a template cannot reach beyond its data."""

    def __init__(self, folder: Path | None = None) -> None:
        folders = [folder, OURS] if folder else [OURS]
        options: dict[str, Any] = {
            "loader": FileSystemLoader(folders),
            "undefined": ChainableUndefined,
            "trim_blocks": False,
            "keep_trailing_newline": False,
        }
        self._html = ImmutableSandboxedEnvironment(autoescape=True, **options)
        # Plain text shows what it is given: escaping there would show `&amp;` to people.
        self._text = ImmutableSandboxedEnvironment(autoescape=False, **options)

    def render(self, payload: dict[str, Any]) -> Rendered:
        """The texts of a payload; a template that fails is told in the text, and keeps nothing from being sent."""
        event = str(payload["type"])
        values = {**_single_lines(payload), "words": WORDS.get(event, Words(event, ""))}
        try:
            text = self._text.select_template(_names(event, "txt")).render(values)
            html = self._html.select_template(_names(event, "html")).render(values)
        except TemplateError as error:
            why = clean_line(f"{type(error).__name__}: {error}", 300)
            fallback = f"{event}\n\n{payload.get('data')}\n\n(The template for {event} cannot be used: {why})\n"
            return Rendered(clean_line(event, LONGEST_SUBJECT), fallback[:LONGEST_TEXT], "")
        subject, _, body = text.partition("\n")
        return Rendered(
            clean_line(subject.removeprefix("Subject:"), LONGEST_SUBJECT),
            body.strip()[:LONGEST_TEXT] + "\n",
            html[:LONGEST_TEXT],
        )


def _single_lines(value: Any) -> Any:
    """Values without line breaks: one in a document's name would end the subject, or fake a line of ours."""
    if isinstance(value, dict):
        return {key: _single_lines(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_single_lines(item) for item in value]
    return clean_line(value, LONGEST_VALUE) if isinstance(value, str) else value


def _names(event: str, kind: str) -> list[str]:
    return [f"{event}.{kind}", f"{event.partition('.')[0]}.{kind}", f"default.{kind}"]


@cache
def renderer(folder: Path | None = None) -> Renderer:
    """The renderer of this process."""
    return Renderer(folder)
