"""Which parser reads a document. A format is one module here, with a function ``parse``, and one line below."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from pipelines.documents import ParsedDocument
from pipelines.errors import DocumentError, PermanentError
from pipelines.parse import media, plugins
from pipelines.parse.failures import reason
from pipelines.parse.limits import ParseLimits
from pipelines.parse.parser import Report, Sniffed, Source
from pipelines.parse.slices import Paused

HEAD_BYTES = 65_536
OURS = 0.5
Parse = Callable[[Source, ParseLimits, Report], ParsedDocument]


@dataclass(frozen=True, slots=True)
class Format:
    """A parser of ours: module ``pipelines.parse.<name>``, imported with the first document that needs it."""

    name: str
    label: str
    media_types: tuple[str, ...]

    def score(self, sniffed: Sniffed, name: str) -> float:
        """Ours for its own types and no others."""
        del name
        return OURS if sniffed.media_type in self.media_types else 0.0

    def read(self, source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
        """Parse; whatever goes wrong is a PermanentError with a sentence."""
        try:
            parse: Parse = import_module(f"pipelines.parse.{self.name}").parse
            return parse(source, limits, report)
        except (DocumentError, MemoryError, KeyboardInterrupt, SystemExit, Paused):
            raise
        except ModuleNotFoundError as error:
            raise PermanentError(
                "not_installed",
                f"Reading {self.label} needs the Python package {error.name!r}, which is not installed here; "
                "install the service's dependencies again and retry.",
            ) from error
        except BaseException as error:  # Rust's panics are no Exception, and are a document's fault here
            raise PermanentError(
                "corrupt", f"The file is damaged or no regular {self.label}: {_named(error)}."
            ) from error


FORMATS = (
    Format("pdf", "PDF", (media.PDF,)),
    Format("docx", "DOCX", (media.DOCX,)),
    Format("pptx", "PPTX", (media.PPTX,)),
    Format("excel", "XLSX, XLSB, XLS", (media.XLSX, media.XLSB, media.XLS)),
    Format("encrypted_office", "", (media.ENCRYPTED_OFFICE,)),
    Format("odf", "ODT, ODS, ODP", (media.ODT, media.ODS, media.ODP)),
    Format("epub", "EPUB", (media.EPUB,)),
    Format("html", "HTML", (media.HTML,)),
    Format("xml", "XML", (media.XML,)),
    Format("table", "CSV, TSV", (media.CSV, media.TSV)),
    Format("data", "JSON", (media.JSON, media.JSONL)),
    Format("notebook", "Jupyter notebooks", (media.IPYNB,)),
    Format("mail", "EML, MBOX", (media.EML, media.MBOX)),
    Format("outlook", "MSG", (media.MSG,)),
    Format("archive", "ZIP, TAR, GZ, BZ2, XZ", (media.ZIP, media.TAR, media.GZIP, media.BZIP2, media.XZ)),
    Format("rtf", "RTF", (media.RTF,)),
    Format("legacy", "DOC, PPT", (media.DOC, media.PPT)),
    Format("markdown", "Markdown", (media.MARKDOWN,)),
    Format("source", "source code", (media.SOURCE,)),
    Format("text", "plain text", (media.PLAIN,)),
    Format("picture", "pictures", media.PICTURES),
)

_PACKED_OTHERWISE = (
    "application/vnd.rar",
    "application/x-7z-compressed",
    "application/zstd",
    "application/x-lz4",
    "application/x-lzip",
)
_ADVICE = {
    media.IWORK: "export it from its program as PDF or in an Office format; ",
    media.HWP: "export it from its program as PDF or in an Office format; ",
    media.OLE: "it is an old Office file that is damaged, or of a program that nobody knows; save it anew; ",
    "application/wordperfect": "save it as DOCX or ODT; ",
    **dict.fromkeys(_PACKED_OTHERWISE, "unpack it and submit what is in it; "),
}


def choose(source: Source) -> "Format | plugins.Plugin":
    """The parser that scores highest; of equal ones, what was installed wins over what is ours.

    Raises PermanentError ``unsupported``.
    """
    sniffed = Sniffed(source.media_type, source.data[:HEAD_BYTES], source.text is not None)
    candidates: list[Format | plugins.Plugin] = [*plugins.installed(), *FORMATS]
    scores = [parser.score(sniffed, source.name) for parser in candidates]
    if max(scores) > 0:
        return candidates[scores.index(max(scores))]
    if source.text is not None:
        return next(format_ for format_ in FORMATS if format_.name == "text")
    raise _unsupported(source)


def _unsupported(source: Source) -> PermanentError:
    if media.extension(source.name) == ".pdf" and not source.data.startswith(b"PK"):
        return PermanentError("corrupt", "The file is named .pdf, but holds no PDF header and no PDF objects.")
    looks = source.media_type if source.media_type != media.UNKNOWN else "binary data of an unknown type"
    labels = [format_.label for format_ in FORMATS if format_.label]
    labels += [", ".join(plugin.media_types) for plugin in plugins.installed()]
    advice = _ADVICE.get(source.media_type, "")
    parts = [f"The file looks like {looks}; {advice}supported: {', '.join(labels)}.", *plugins.failures()]
    return PermanentError("unsupported", " ".join(parts))


def _named(error: BaseException) -> str:
    """What the error says, with its class where the words alone say little (``KeyError: 'word/document.xml'``)."""
    said = reason(error)
    name = type(error).__name__
    return said if said == name or " " in said.strip("'\"") else f"{name}: {said}"
