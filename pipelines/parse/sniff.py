"""What a file is, by its bytes. Its name only decides between kinds of plain text."""

import re
import zipfile
from io import BytesIO

import puremagic

from pipelines.parse import media
from pipelines.parse.decode import declared_encoding, decode
from pipelines.parse.failures import PARSER_FAILURES
from pipelines.parse.parser import Source
from pipelines.parse.text_kind import text_kind

HEAD_BYTES = 65_536
_STATED_TYPE = re.compile(rb"mimetype(application/[a-z.+-]+)")  # OpenDocument and EPUB begin with it
# What no text begins with. Said here, because a small or repetitive file may pass for text in some old encoding.
_SIGNATURES = (
    (rb"\x1f\x8b\x08", media.GZIP),
    (rb"BZh", media.BZIP2),
    (rb"\xfd7zXZ\0", media.XZ),
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"\x89PNG\r\n\x1a\n", "image/png"),
    (rb"GIF8[79]a.{6}\0", "image/gif"),
    (rb"II\*\0|MM\0\*", "image/tiff"),
    (rb"RIFF.{4}WEBPVP8", "image/webp"),
    (rb"\x7fELF", "application/x-elf"),
    (rb"\xca\xfe\xba\xbe", "application/java-vm"),
    (rb"\0asm", "application/wasm"),
    (rb"[\xcf\xce]\xfa\xed\xfe", "application/x-mach-binary"),
    (rb"MZ.\0.\0", "application/vnd.microsoft.portable-executable"),
    (rb"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (rb"Rar!\x1a\x07", "application/vnd.rar"),
    (rb"\x28\xb5\x2f\xfd", "application/zstd"),
    (rb"\x04\x22\x4d\x18", "application/x-lz4"),
    (rb"LZIP\x01", "application/x-lzip"),
    (rb"\xed\xab\xee\xdb", "application/x-rpm"),
    (rb"!<arch>\n", "application/x-archive"),
    (rb"SQLite format 3\0", "application/vnd.sqlite3"),
    (rb"OggS\0", "audio/ogg"),
    (rb"fLaC\0", "audio/flac"),
    (rb"ID3[\x02-\x04]\0", "audio/mpeg"),
    (rb"\x1aE\xdf\xa3", "video/x-matroska"),
    (rb"FLV\x01", "video/x-flv"),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (rb"\0\x01\0\0\0|OTTO\0", "font/sfnt"),
    (rb"wOF[F2]\0\x01\0\0", "font/woff"),
    (rb"\xc5\xd0\xd3\xc6", "application/postscript"),
)
_BY_SIGNATURE = [(re.compile(pattern, re.DOTALL), kind) for pattern, kind in _SIGNATURES]
_BITMAP_HEADERS = [size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124)]
# Of a ZIP, the member that tells what it is; more special ones first.
_TELLING = (
    ("xl/workbook.bin", media.XLSB),
    ("word/", media.DOCX),
    ("xl/", media.XLSX),
    ("ppt/", media.PPTX),
    ("META-INF/container.xml", media.EPUB),
    ("Index/Document.iwa", media.IWORK),
    ("Index.zip", media.IWORK),
    ("buildVersionHistory.plist", media.IWORK),
)
_OLE_STREAMS = (
    ("EncryptedPackage", media.ENCRYPTED_OFFICE),
    ("WordDocument", media.DOC),
    ("Workbook", media.XLS),
    ("Book", media.XLS),
    ("PowerPoint Document", media.PPT),
    ("__properties_version1.0", media.MSG),
    ("\x05HwpSummaryInformation", media.HWP),
)
# A central directory with more entries than this is refused before it is read: each costs half a kilobyte then.
MOST_ENTRIES = 200_000


def sniff(data: bytes, name: str, engine: str = "default", depth: int = 0) -> Source:
    """The document with its media type and, where it is text, its decoded content; `application/octet-stream` for what
    nobody knows. Raises nothing.
    """
    kind = _binary_kind(data, name)
    decoded = None if kind else decode(data, declared_encoding(data))
    if decoded is None:
        return Source(data, name, kind or _by_magic(data), engine=engine, depth=depth)
    content, encoding = decoded
    return Source(data, name, text_kind(content, name), content, encoding, engine, depth)


def mismatch(media_type: str, name: str) -> str | None:
    """A sentence when the name says something else than the bytes do."""
    named = media.named_type(name)
    textual = {media.PLAIN, media.MARKDOWN, media.CSV, media.TSV, media.JSON, media.JSONL}
    if named is None or named == media_type or {named, media_type} <= textual:
        return None
    if named in (media.GZIP, media.BZIP2, media.XZ) and media_type == media.TAR:
        return None
    return f"The name ends in {media.extension(name)}, but the content is {media_type}; it was read as what it is."


def _binary_kind(data: bytes, name: str) -> str | None:
    """The type of what is no text although it may look like it, and of what is known by its first bytes."""
    if not data:
        return media.EMPTY
    if _is_pdf(data, name):
        return media.PDF
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return zip_kind(data)
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _ole_kind(data)
    if data[257:262] == b"ustar":
        return media.TAR
    if data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{\\rtf"):
        return media.RTF
    if data.lstrip().startswith(b"%!PS"):
        return "application/postscript"
    if data.startswith(b"BM") and data[6:10] == bytes(4) and data[14:18] in _BITMAP_HEADERS:
        return "image/bmp"
    return next((kind for pattern, kind in _BY_SIGNATURE if pattern.match(data)), None)


def _is_pdf(data: bytes, name: str) -> bool:
    """Whether the file is to be read as PDF: its header, or a PDF's body behind a damaged one."""
    if b"%PDF-" in data[:1024]:
        return True
    return media.extension(name) == ".pdf" and (b"startxref" in data or b" obj" in data)


def zip_kind(data: bytes) -> str:
    """The Office or e-book type of a ZIP by the names of its members, or ZIP."""
    ends = data[:HEAD_BYTES] + data[-HEAD_BYTES:]
    stated = _STATED_TYPE.search(ends, 30, 150)
    if stated is not None:
        return stated[1].decode("ascii")
    names, stated_type = _directory(data)
    if stated_type:
        return stated_type
    if names:
        folders = names | {name.split("/", 1)[0] + "/" for name in names if "/" in name}
        office = "[Content_Types].xml" in names or "_rels/.rels" in names
        return next(
            (kind for member, kind in _TELLING if member in folders and (office or not member.endswith("/"))), media.ZIP
        )
    # The directory is lost: what the file was meant to be can still be said.
    return next((kind for member, kind in _TELLING if member.encode() in ends), media.ZIP)


def _directory(data: bytes) -> tuple[set[str], str]:
    """The names in a ZIP, and the type that its member ``mimetype`` states; nothing of a damaged one."""
    names: set[str] = set()
    if data.count(b"PK\x01\x02") > MOST_ENTRIES:
        return names, ""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = set(archive.namelist())
            if "mimetype" not in names:
                return names, ""
            with archive.open("mimetype") as stream:
                stated = stream.read(100).strip()
    except PARSER_FAILURES:
        return names, ""
    return names, stated.decode("ascii") if re.fullmatch(rb"application/[a-z.+-]+", stated) else ""


def _ole_kind(data: bytes) -> str:
    import olefile

    try:
        with olefile.OleFileIO(BytesIO(data)) as storage:
            return next((kind for stream, kind in _OLE_STREAMS if storage.exists(stream)), media.OLE)
    except PARSER_FAILURES:
        return media.OLE


def _by_magic(data: bytes) -> str:
    try:
        matches = puremagic.magic_string(data)
    except (puremagic.PureError, ValueError):
        return media.UNKNOWN
    best = next((match for match in matches if match.mime_type), None)
    return best.mime_type if best and best.confidence >= 0.3 else media.UNKNOWN
