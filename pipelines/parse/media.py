"""The media types of documents by name, and what their files are usually called."""

from pathlib import PurePosixPath

PDF = "application/pdf"
HTML = "text/html"
XML = "application/xml"
MARKDOWN = "text/markdown"
PLAIN = "text/plain"
CSV = "text/csv"
TSV = "text/tab-separated-values"
JSON = "application/json"
JSONL = "application/jsonl"
IPYNB = "application/x-ipynb+json"
RTF = "application/rtf"
EML = "message/rfc822"
MBOX = "application/mbox"
MSG = "application/vnd.ms-outlook"
DOC = "application/msword"
XLS = "application/vnd.ms-excel"
PPT = "application/vnd.ms-powerpoint"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
OOXML = "application/vnd.openxmlformats-officedocument."
DOCX = OOXML + "wordprocessingml.document"
XLSX = OOXML + "spreadsheetml.sheet"
PPTX = OOXML + "presentationml.presentation"
OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
ODT = OPEN_DOCUMENT + "text"
ODS = OPEN_DOCUMENT + "spreadsheet"
ODP = OPEN_DOCUMENT + "presentation"
EPUB = "application/epub+zip"
ZIP = "application/zip"
TAR = "application/x-tar"
GZIP = "application/gzip"
BZIP2 = "application/x-bzip2"
XZ = "application/x-xz"
IWORK = "application/vnd.apple.iwork"
HWP = "application/x-hwp"
OLE = "application/x-ole-storage"
ENCRYPTED_OFFICE = "application/x-encrypted-office"
PICTURES = ("image/png", "image/jpeg", "image/tiff", "image/webp", "image/bmp", "image/gif")
EMPTY = "application/x-empty"
UNKNOWN = "application/octet-stream"
SOURCE = "text/x-source"

_EXTENSIONS = {
    PDF: "pdf",
    HTML: "html htm xhtml",
    XML: "xml",
    MARKDOWN: "md markdown mdown",
    PLAIN: "txt text",
    CSV: "csv",
    TSV: "tsv tab",
    JSON: "json",
    JSONL: "jsonl ndjson",
    IPYNB: "ipynb",
    RTF: "rtf",
    EML: "eml",
    MBOX: "mbox",
    MSG: "msg",
    DOC: "doc dot",
    XLS: "xls xlt",
    PPT: "ppt pps pot",
    XLSB: "xlsb",
    DOCX: "docx docm dotx dotm",
    XLSX: "xlsx xlsm xltx xltm",
    PPTX: "pptx pptm ppsx ppsm potx potm",
    ODT: "odt ott",
    ODS: "ods ots",
    ODP: "odp otp",
    EPUB: "epub",
    ZIP: "zip",
    TAR: "tar",
    GZIP: "gz tgz",
    BZIP2: "bz2 tbz2",
    XZ: "xz txz",
    "image/png": "png",
    "image/jpeg": "jpg jpeg",
    "image/tiff": "tif tiff",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/bmp": "bmp",
}
BY_EXTENSION = {f".{extension}": media for media, names in _EXTENSIONS.items() for extension in names.split()}


def extension(name: str) -> str:
    """The extension of a file's name in lower case, with its dot, or the empty string."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()


def named_type(name: str) -> str | None:
    """The media type that a file's name speaks of, if it is one of those above."""
    return BY_EXTENSION.get(extension(name))
