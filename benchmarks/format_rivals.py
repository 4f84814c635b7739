"""Other programs that read the formats: each from a path to the words in it. Those that are installed count."""

import subprocess
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from pipelines.parse import media

Read = Callable[[Path], object]
_SECONDS = 60


def rivals() -> dict[str, dict[str, Read]]:
    """For each media type the readers that are installed, by name."""
    found: dict[str, dict[str, Read]] = {}
    for types, name, needs, read in _ALL:
        if (which(needs) if read is None else find_spec(needs)) is not None:
            for kind in types:
                found.setdefault(kind, {})[name] = read or partial(_program, _COMMANDS[name])
    return found


def _program(command: tuple[str, ...], path: Path) -> object:
    return subprocess.run([*command, str(path)], capture_output=True, timeout=_SECONDS, check=True).stdout


def _python_docx(path: Path) -> object:
    docx = import_module("docx")

    document = docx.Document(str(path))
    texts = [one.text for one in document.paragraphs]
    return [*texts, *[cell.text for table in document.tables for row in table.rows for cell in row.cells]]


def _docx2txt(path: Path) -> object:
    docx2txt = import_module("docx2txt")

    return docx2txt.process(str(path))


def _python_pptx(path: Path) -> object:
    pptx = import_module("pptx")

    shapes = [shape for slide in pptx.Presentation(str(path)).slides for shape in slide.shapes]
    texts = [shape.text_frame.text for shape in shapes if shape.has_text_frame]
    tables = [shape.table for shape in shapes if getattr(shape, "has_table", False)]
    return [*texts, *[cell.text for table in tables for row in table.rows for cell in row.cells]]


def _openpyxl(path: Path) -> object:
    openpyxl = import_module("openpyxl")

    book = openpyxl.load_workbook(str(path), read_only=True, data_only=True)
    return [[str(value) for value in row] for sheet in book.worksheets for row in sheet.iter_rows(values_only=True)]


def _odfpy(path: Path) -> object:
    opendocument, teletype = import_module("odf.opendocument"), import_module("odf.teletype")

    return teletype.extractText(opendocument.load(str(path)).body)


def _striprtf(path: Path) -> object:
    return import_module("striprtf.striprtf").rtf_to_text(path.read_text("latin-1"), errors="ignore")


def _lxml_html(path: Path) -> object:
    html = import_module("lxml.html")

    return html.fromstring(path.read_bytes()).text_content()


def _lxml_xml(path: Path) -> object:
    etree = import_module("lxml.etree")

    return "".join(etree.fromstring(path.read_bytes()).itertext())


_COMMANDS = {
    "antiword": ("antiword",),
    "catdoc": ("catdoc",),
    "catppt": ("catppt",),
    "xls2csv": ("xls2csv",),
    "pandoc (EPUB)": ("pandoc", "-f", "epub", "-t", "plain"),
    "pandoc (notebooks)": ("pandoc", "-f", "ipynb", "-t", "plain"),
}
# Media types, name, the module that it needs, or the program where there is no function to call.
_ALL: tuple[tuple[tuple[str, ...], str, str, Read | None], ...] = (
    ((media.DOCX,), "python-docx", "docx", _python_docx),
    ((media.DOCX,), "docx2txt", "docx2txt", _docx2txt),
    ((media.PPTX,), "python-pptx", "pptx", _python_pptx),
    ((media.XLSX,), "openpyxl", "openpyxl", _openpyxl),
    ((media.ODT, media.ODS, media.ODP), "odfpy", "odf", _odfpy),
    ((media.RTF,), "striprtf", "striprtf", _striprtf),
    ((media.HTML,), "lxml, text alone", "lxml", _lxml_html),
    ((media.XML,), "lxml, text alone", "lxml", _lxml_xml),
    ((media.DOC,), "antiword", "antiword", None),
    ((media.DOC,), "catdoc", "catdoc", None),
    ((media.PPT,), "catppt", "catppt", None),
    ((media.XLS,), "xls2csv", "xls2csv", None),
    ((media.EPUB,), "pandoc (EPUB)", "pandoc", None),
    ((media.IPYNB,), "pandoc (notebooks)", "pandoc", None),
)
