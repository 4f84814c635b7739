"""OCR: the language files that its workers need; without them scans end as `no_text` or `partial`, and say so."""

import importlib
from typing import Any

from app.doctor.findings import Finding, Verdict
from config.settings import Settings

LANGUAGES = "pipelines.ocr.languages"
"""Named, not imported: the service knows jobs, not documents."""


def ocr(settings: Settings) -> Finding:
    """Whether this host could read scanned pages in the languages that are set."""
    languages: Any = importlib.import_module(LANGUAGES)
    missing: str | None = languages.missing(settings.ocr_languages)
    if missing:
        return Finding("ocr", Verdict.WARNING, "scanned pages cannot be read on this host", missing)
    return Finding("ocr", Verdict.OK, f"reads {settings.ocr_languages}, files in {languages.folder()}")
