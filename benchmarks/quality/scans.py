"""`python -m benchmarks ocr`: pages of PDFs with text, made into scans, read by OCR; their own text is the truth."""

import io
import os
import random
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from PIL import Image, ImageFilter

from benchmarks.quality.words import SHOWN, Score, score, words
from pipelines.documents import ParsedDocument
from pipelines.ocr import languages
from pipelines.ocr.pictures import DPI, open_pictures
from pipelines.ocr.recognise import Recogniser

FEWEST_WORDS = 50
SCAN_DPI = 200
"""What offices scan at; documents are drawn at it and then made larger, as a scanned PDF is."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure: PDFs in a folder, so many of them, so many pages of each, in which languages."""

    folder: Path
    files: int
    pages: int
    ocr_languages: str
    seed: int


def with_ocr(data: bytes, parsed: ParsedDocument, ocr_languages: str = "eng") -> list[str]:
    """The text of all pages in order, as the service keeps it: those that are scanned are read by OCR."""
    texts = {page.number: page.text for page in parsed.pages}
    if parsed.scanned:
        reader, pictures = recogniser(ocr_languages), open_pictures(data, parsed.media_type)
        texts |= {number: reader.read(*pictures.page(number)).text for number in parsed.scanned}
    return [texts[number] for number in sorted(texts)]


def recogniser(ocr_languages: str) -> Recogniser:
    """Tesseract's library.

    Raises:
        FileNotFoundError: its language files are not there; says what to install.
    """
    folder, missing = languages.folder(), languages.missing(ocr_languages)
    if folder is None or missing:
        raise FileNotFoundError(missing)
    return Recogniser(ocr_languages, folder)


def run(wanted: Wanted) -> None:
    """Print the table: recall, precision and order of words, and seconds of CPU for a page, ours and the program's."""
    ours = recogniser(wanted.ocr_languages)
    readers: dict[str, Callable[[Image.Image], str]] = {"docrelay": lambda page: ours.read(page, DPI).text}
    if shutil.which("tesseract"):
        readers["tesseract, the program"] = lambda page: _program(page, wanted.ocr_languages)
    dice = random.Random(wanted.seed)
    scores: dict[str, list[Score]] = {name: [] for name in readers}
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    pages = 0
    for name, truth, picture in _scans(wanted, dice):
        pages += 1
        for reader, read in readers.items():
            began = _cpu()
            text = read(picture)
            seconds[reader].append(_cpu() - began)
            scores[reader].append(score(truth, [text]))
        print(name, *(f"{reader} {_cells(scores[reader][-1])}" for reader in readers), sep="  ", flush=True)
    print(f"\n{ours.version}, {pages} pages, in %: recall, precision, neighbours kept; seconds of CPU a page")
    for reader in readers:
        means = Score(*(mean(getattr(each, what) for each in scores[reader]) for what in Score.__annotations__))
        print(f"{reader:<24}{_cells(means)}  {mean(seconds[reader]):.2f} s")


def _scans(wanted: Wanted, dice: random.Random) -> Iterator[tuple[str, list[str], Image.Image]]:
    from tasks.isolated.parse import parse_document

    left = wanted.files
    for file in sorted(wanted.folder.rglob("*.pdf")):
        data = file.read_bytes()
        try:
            parsed = parse_document(data, file.name, "default", lambda done, total: None)
        except Exception as error:  # noqa: BLE001 - a PDF that cannot be read is no truth
            print(f"{file.name} left out: {error}")
            continue
        texts = {page.number: words(page.text) for page in parsed.pages}
        full = [number for number, found in texts.items() if len(found) >= FEWEST_WORDS]
        pictures = open_pictures(data, "application/pdf")
        for number in sorted(dice.sample(full, min(wanted.pages, len(full)))):
            yield f"{file.name} p. {number}", texts[number], scanned(pictures.page(number)[0], dice)
        left -= bool(full)
        if not left:
            return


def scanned(page: Image.Image, dice: random.Random) -> Image.Image:
    """The page as an office scanner gives it: askew, a little out of focus, with noise, squeezed by JPEG."""
    small = page.resize((page.width * SCAN_DPI // DPI, page.height * SCAN_DPI // DPI), Image.Resampling.LANCZOS)
    askew = small.rotate(dice.uniform(-1.0, 1.0), Image.Resampling.BICUBIC, fillcolor=255)
    soft = askew.filter(ImageFilter.GaussianBlur(0.6))
    noisy = Image.blend(soft, Image.effect_noise(soft.size, 60), 0.12)
    out = io.BytesIO()
    noisy.save(out, "JPEG", quality=70)
    return Image.open(out).convert("L").resize(page.size, Image.Resampling.LANCZOS)


def _program(page: Image.Image, ocr_languages: str) -> str:
    picture = io.BytesIO()
    page.save(picture, "PPM")
    command = ["tesseract", "-", "-", "-l", ocr_languages, "--psm", "1", "--dpi", str(DPI)]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    done = subprocess.run(
        command, input=picture.getvalue(), capture_output=True, check=True, timeout=300, env=environment
    )
    return done.stdout.decode()


def _cpu() -> float:
    """Of this process and of those it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _cells(found: Score) -> str:
    return " ".join(f"{100 * getattr(found, what):6.2f}" for what in SHOWN)
