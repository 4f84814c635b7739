"""One picture to its text, by Tesseract's library in this process."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from pipelines.parse.clean import clean

LEAST_CONFIDENCE = 35.0
"""Of a line, in per cent. Below it are the specks and hatchings that were taken for letters."""

DOUBTFUL = 60.0
"""A page that is read so badly may stand on its head: Tesseract's own look at it is sure of long texts only."""

FEWEST_WORDS = 4
_LINE_HYPHEN = re.compile(r"(?<=[^\W\d_])[-‐]\n(?=[^\W\d_])")


@dataclass(frozen=True, slots=True)
class Recognised:
    """The text of a picture, and how sure it is in per cent (0 where nothing was found)."""

    text: str
    confidence: float


class Recogniser:
    """Reads pictures in some languages; not thread-safe."""

    def __init__(self, languages: str, tessdata: Path) -> None:
        """Load the languages (`eng+deu`) from the folder of their files."""
        os.environ["OMP_THREAD_LIMIT"] = "1"  # four threads read a page hardly faster, and fight with the neighbours
        import tesserocr

        self._lib: Any = tesserocr
        upright = (tessdata / "osd.traineddata").exists()
        mode = tesserocr.PSM.AUTO_OSD if upright else tesserocr.PSM.AUTO
        self._api: Any = tesserocr.PyTessBaseAPI(path=str(tessdata), lang=languages, psm=mode)
        version = tesserocr.tesseract_version().split()[1]
        self.version = f"tesseract {version}, {languages}"

    def read(self, picture: Image.Image, dpi: int) -> Recognised:
        """The text of a grey picture, turned so that it can be read."""
        best = self._once(picture, dpi)
        if best.confidence >= DOUBTFUL or self._words(best) < FEWEST_WORDS:
            return best
        for turn in (Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270):
            other = self._once(picture.transpose(turn), dpi)
            if other.confidence >= DOUBTFUL and self._weight(other) > self._weight(best):
                best = other
        return best

    def _once(self, picture: Image.Image, dpi: int) -> Recognised:
        self._api.SetImage(picture)
        self._api.SetSourceResolution(dpi)
        self._api.Recognize()
        lines = list(self._lines())
        self._api.Clear()
        text = clean(_LINE_HYPHEN.sub("", "".join(text for text, _ in lines))).strip()
        letters = sum(len(line) for line, _ in lines)
        confidence = sum(len(line) * sure for line, sure in lines) / letters if letters else 0.0
        return Recognised(text, round(confidence, 1))

    def _lines(self) -> Iterator[tuple[str, float]]:
        """Each line with its line break, and how sure it is; an empty line after a paragraph."""
        line, paragraph = self._lib.RIL.TEXTLINE, self._lib.RIL.PARA
        found = self._api.GetIterator()
        if found is None:
            return
        while not found.Empty(line):
            text, sure = found.GetUTF8Text(line), found.Confidence(line)
            last = found.IsAtFinalElement(paragraph, line)
            if sure >= LEAST_CONFIDENCE and text.strip():
                yield text.rstrip() + ("\n\n" if last else "\n"), sure
            if not found.Next(line):
                return

    @staticmethod
    def _words(read: Recognised) -> int:
        return len(read.text.split())

    def _weight(self, read: Recognised) -> float:
        return self._words(read) * read.confidence
