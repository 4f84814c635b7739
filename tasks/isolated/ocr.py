"""The document process of the ocr stage: opens a document once, then reads its pages one by one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipelines.errors import TransientError
from pipelines.ocr import languages
from pipelines.ocr.pictures import Pictures, open_pictures
from pipelines.ocr.recognise import Recognised, Recogniser
from tasks.isolated.errors import classify

__all__ = ["Facts", "calls", "classify"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What reads the pages (empty if nothing does), and what is missing for that."""

    version: str
    missing: str | None


def calls(wanted: str) -> dict[str, Callable[..., Any]]:
    """The functions of this process, for languages such as `eng+deu`."""
    loaded: list[Recogniser] = []
    opened: list[Pictures] = []

    def recogniser() -> Recogniser:
        folder = languages.folder()
        if folder is None:
            raise TransientError("no_ocr", "The language files of OCR are gone.")
        if not loaded:
            loaded.append(Recogniser(wanted, folder))
        return loaded[0]

    def facts() -> Facts:
        missing = languages.missing(wanted)
        return Facts("", missing) if missing else Facts(recogniser().version, None)

    def open_document(data: bytes, media_type: str, password: str | None) -> None:
        opened[:] = [open_pictures(data, media_type, password)]

    def page(number: int) -> Recognised:
        picture, dpi = opened[0].page(number)
        return recogniser().read(picture, dpi)

    return {"facts": facts, "open": open_document, "page": page}
