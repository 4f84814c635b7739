"""Tesseract's language files for tests and benchmarks: those of this machine, or installed now."""

import importlib
from typing import Any

from app.development import apt

LANGUAGES = "pipelines.ocr.languages"
"""Named, not imported: the service knows jobs, not documents."""

PACKAGES = ("tesseract-ocr", "tesseract-ocr-eng", "tesseract-ocr-osd")


def ensure() -> None:
    """Have English and the file that tells which side of a page is up.

    Raises:
        AptError: they are not there and cannot be installed.
    """
    languages: Any = importlib.import_module(LANGUAGES)
    if languages.missing("eng") or not (languages.folder() / "osd.traineddata").exists():
        apt.install(*PACKAGES)
