"""The language files of Tesseract on this machine: its library comes with a Python package, they do not."""

import os
from pathlib import Path

FOLDERS = (
    "/usr/share/tesseract-ocr/5/tessdata",  # Debian and Ubuntu
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",  # Fedora, Arch, Alpine
    "/usr/share/tesseract/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
)
SUFFIX = ".traineddata"


def folder() -> Path | None:
    """Where the language files are: `TESSDATA_PREFIX`, else where a distribution's packages put them."""
    own = os.environ.get("TESSDATA_PREFIX")
    places = [own] if own else FOLDERS
    return next((Path(place) for place in places if any(Path(place).glob(f"*{SUFFIX}"))), None)


def installed() -> list[str]:
    """The languages that can be read here, sorted; without `osd`, which finds out which side is up."""
    found = folder()
    names = [path.name.removesuffix(SUFFIX) for path in found.glob(f"*{SUFFIX}")] if found else []
    return sorted(name for name in names if name != "osd")


def missing(languages: str) -> str | None:
    """What to install before documents in these languages (`eng+deu`) can be read; None if all is there."""
    wanted = languages.split("+")
    there = installed()
    if not there:
        return f"OCR is not installed: install {_packages(wanted)} for the OCR workers, then retry"
    lacking = [name for name in wanted if name not in there]
    if lacking:
        return (
            f"OCR has no language files for {', '.join(lacking)} (it has {', '.join(there)}): "
            f"install {_packages(lacking)} for the OCR workers, or change DOCRELAY_OCR_LANGUAGES; then retry"
        )
    return None


def _packages(languages: list[str]) -> str:
    names = [f"tesseract-ocr-{language.lower().replace('_', '-')}" for language in languages]
    return f"the packages {' '.join(['tesseract-ocr', *names])}"
