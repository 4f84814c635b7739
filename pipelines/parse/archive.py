"""Archives: their files become members, under limits that hold while they are unpacked."""

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
from io import BufferedIOBase, BytesIO
from typing import IO, cast

from pipelines.documents import ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse import media
from pipelines.parse.blocks import Blocks
from pipelines.parse.decode import decode
from pipelines.parse.failures import PARSER_FAILURES, reason
from pipelines.parse.limits import ParseLimits, Unpacking
from pipelines.parse.members import Members, safe_name
from pipelines.parse.package import open_zip, unpack
from pipelines.parse.parser import Report, Source

_STEP = 256 * 1024
# What systems leave in archives beside the files.
_LITTER = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
_UTF8_NAME = 0x800


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The list of an archive's files, with the files. Raises PermanentError ``corrupt``, ``encrypted``, ``too_large``.

    Links, devices and encrypted files are left out, each with a note; a bomb among others too.
    """
    members = Members(limits, source.depth)
    kind = source.media_type
    if kind == media.ZIP:
        _zip(source.data, limits, members, report)
    elif kind == media.TAR:
        _tar(BytesIO(source.data), len(source.data), limits, members, report)
    else:
        _packed(source, limits, members, report)
    blocks = Blocks(limits)
    title = safe_name(source.name)
    blocks.heading(1, title)
    members.write_list(blocks, "Files")
    pages = blocks.pages()
    report(1, 1)
    notes = members.all_notes() or ([] if members.listed else ["The archive is empty."])
    return ParsedDocument(kind, len(pages), pages, [], {"title": title}, notes, members.taken)


def _is_litter(path: str) -> bool:
    return any(path.startswith(one) or path.endswith("/" + one) or path == one for one in _LITTER)


def _zip(data: bytes, limits: ParseLimits, members: Members, report: Report) -> None:
    archive = open_zip(data)
    infos = [one for one in archive.infolist() if not one.is_dir()]
    names = _zip_names(infos)
    unpacking = Unpacking(limits)
    encrypted = 0
    for number, info in enumerate(infos, start=1):
        path = names[number - 1]
        if stat.S_ISLNK(info.external_attr >> 16):
            members.skip(path, "it is a link")
        elif info.flag_bits & 0x1:
            encrypted += 1
            members.skip(path, "it is encrypted")
        elif not _is_litter(path):
            _take_zipped(archive, info, path, unpacking, members)
        report(number, len(infos))
    if encrypted and encrypted == len(infos):
        raise PermanentError("encrypted", "All files of the archive are encrypted; unpack it and submit what is in it.")


def _take_zipped(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: str, unpacking: Unpacking, members: Members
) -> None:
    if not members.wanted:
        members.name(path)
        return
    try:
        members.take(path, unpack(archive, info, unpacking))
    except PermanentError as error:
        if error.code == "too_large" and unpacking.exhausted:
            raise
        members.skip(path, error.message.rstrip("."))


def _zip_names(infos: list[zipfile.ZipInfo]) -> list[str]:
    """The names; those without a word on their encoding are told by all of them together."""
    raw = [None if one.flag_bits & _UTF8_NAME else _as_stored(one.filename) for one in infos]
    unknown = b"\n".join(name for name in raw if name is not None)
    if unknown.isascii():
        return [one.filename for one in infos]
    decoded = decode(unknown)
    if decoded is None:
        return [one.filename for one in infos]
    return [
        one.filename if name is None else name.decode(decoded[1], "replace")
        for one, name in zip(infos, raw, strict=True)
    ]


def _as_stored(name: str) -> bytes:
    try:
        return name.encode("cp437")
    except UnicodeEncodeError:
        return name.encode()


class _Counted(BufferedIOBase):
    """A stream that is read under the limits on unpacking."""

    def __init__(self, stream: IO[bytes], unpacking: Unpacking) -> None:
        self._stream = stream
        self._unpacking = unpacking

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        parts: list[bytes] = []
        left = size if size is not None and size >= 0 else 1 << 62
        while left and (piece := self._stream.read(min(left, _STEP))):
            self._unpacking.add(len(piece))
            left -= len(piece)
            parts.append(piece)
        return b"".join(parts)


def _packed(source: Source, limits: ParseLimits, members: Members, report: Report) -> None:
    """A compressed tar, or a single compressed file."""
    unpacking = Unpacking(limits)
    unpacking.begin(safe_name(source.name), len(source.data))
    stream = _Counted(_opened(source), unpacking)
    try:
        head = stream.read(512)
    except PARSER_FAILURES as error:
        raise PermanentError("corrupt", f"The compressed file is damaged: {reason(error)}.") from error
    if head[257:262] == b"ustar":
        whole = Unpacking(limits)
        whole.begin(safe_name(source.name), len(source.data))
        stream = _Counted(_opened(source), whole)
        _tar(cast("IO[bytes]", stream), len(source.data), limits, members, report)
        return
    try:
        rest = stream.read()
    except PARSER_FAILURES as error:
        raise PermanentError("corrupt", f"The compressed file is damaged or cut off: {reason(error)}.") from error
    members.take(_without_suffix(source.name), head + rest)


def _opened(source: Source) -> IO[bytes]:
    stream = BytesIO(source.data)
    if source.media_type == media.GZIP:
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    if source.media_type == media.BZIP2:
        return cast("IO[bytes]", bz2.BZ2File(stream))
    return cast("IO[bytes]", lzma.LZMAFile(stream))


def _without_suffix(name: str) -> str:
    base = safe_name(name)
    stem, dot, suffix = base.rpartition(".")
    return stem if dot and suffix.lower() in ("gz", "bz2", "xz") else base


def _tar(stream: IO[bytes], packed: int, limits: ParseLimits, members: Members, report: Report) -> None:
    unpacking = Unpacking(limits)
    number = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|", errorlevel=2) as archive:
            for info in archive:
                number += 1
                report(number, number)
                if info.isdir() or _is_litter(info.name):
                    continue
                if not info.isreg():
                    members.skip(info.name, "it is a link" if info.issym() or info.islnk() else "it is no regular file")
                elif not members.wanted:
                    members.name(info.name)
                else:
                    members.take(info.name, _read_tarred(archive, info, packed, unpacking))
    except PermanentError:
        raise
    except PARSER_FAILURES as error:
        if not members.listed:
            raise PermanentError("corrupt", f"The archive is damaged or cut off: {reason(error)}.") from error
        members.notes.append(f"The archive is damaged behind its file {members.listed[-1]!r}: {reason(error)}.")


def _read_tarred(archive: tarfile.TarFile, info: tarfile.TarInfo, packed: int, unpacking: Unpacking) -> bytes:
    unpacking.begin(info.name, packed)
    stream = archive.extractfile(info)
    assert stream is not None  # a regular file
    parts: list[bytes] = []
    while piece := stream.read(_STEP):
        unpacking.add(len(piece))
        parts.append(piece)
    return b"".join(parts)
