"""The words that other programs find in a document: LibreOffice, pandoc and catdoc, each for what it reads."""

import csv
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from shutil import which

import pypdfium2

PANDOC = {
    "epub": "epub",
    "html": "html",
    "htm": "html",
    "ipynb": "ipynb",
    "nxml": "jats",
    "md": "gfm",
    "rst": "rst",
    "org": "org",
}
WRITER = frozenset("docx docm doc odt rtf".split())
CALC = frozenset("xlsx xls ods".split())
IMPRESS = frozenset("pptx ppt odp".split())
NEEDED = {"soffice": "libreoffice-writer-nogui libreoffice-calc-nogui libreoffice-impress-nogui", "pandoc": "pandoc"}
# All sheets, as they are shown, each to a file of its own.
_CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,true,false,false,-1"
_SECONDS = 120


class NoConverter(Exception):  # noqa: N818
    """A program is missing."""


def check() -> None:
    """Raise NoConverter, with what to install, unless all programs are there."""
    missing = [packages for program, packages in NEEDED.items() if which(program) is None]
    if missing:
        raise NoConverter(f"the texts are compared with those of other programs: apt-get install {' '.join(missing)}")


def converted(files: Iterable[Path]) -> dict[Path, tuple[str, str]]:
    """The converter's name and its text, for each file that one of them reads; a file that it fails on is left out."""
    found: dict[Path, tuple[str, str]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for number, path in enumerate(files):
            kind = path.suffix[1:].lower()
            folder = Path(scratch) / str(number)
            folder.mkdir()
            try:
                if kind in WRITER | CALC | IMPRESS:
                    text = _office(path, kind, folder, Path(scratch) / "profile")
                    name = "LibreOffice"
                elif kind in PANDOC and _is_utf8(path):
                    text, name = _run(["pandoc", "-f", PANDOC[kind], "-t", "plain", "--wrap=none", str(path)]), "pandoc"
                else:
                    continue
            except (subprocess.SubprocessError, OSError, pypdfium2.PdfiumError):
                continue
            if text.strip():
                found[path] = (name, text)
    return found


def _is_utf8(path: Path) -> bool:
    """pandoc reads nothing else; what it makes of other encodings is no truth."""
    try:
        path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return path.suffix == ".epub"
    return True


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=True)
    return done.stdout.decode("utf-8", "replace")


def _office(path: Path, kind: str, folder: Path, profile: Path) -> str:
    target = "txt:Text (encoded):UTF8" if kind in WRITER else _CSV if kind in CALC else "pdf"
    command = ["soffice", f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", target]
    _run([*command, "--outdir", str(folder), str(path)])
    made = sorted(folder.iterdir())
    if kind in CALC:
        return "\n".join(" ".join(row) for one in made for row in csv.reader(one.open(encoding="utf-8", newline="")))
    return "\n".join(_pdf_text(one) if one.suffix == ".pdf" else one.read_text("utf-8-sig") for one in made)


def _pdf_text(path: Path) -> str:
    with closing(pypdfium2.PdfDocument(path)) as document:
        texts = []
        for index in range(len(document)):
            with closing(document[index]) as page, closing(page.get_textpage()) as textpage:
                texts.append(str(textpage.get_text_range()))
    return "\n".join(texts)
