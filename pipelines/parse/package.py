"""The parts of a ZIP that is one document (Office, OpenDocument, EPUB), unpacked within limits."""

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from lxml import etree

from pipelines.errors import PermanentError
from pipelines.parse.failures import reason
from pipelines.parse.limits import ParseLimits, Unpacking
from pipelines.parse.sniff import MOST_ENTRIES

Element = Any
"""An lxml element: its types are not published."""

_STEP = 256 * 1024
# A tree of elements takes up to ten times the bytes of its file.
_LARGEST_XML = 80 * 1024 * 1024


class Package:
    """Reads parts by name. ``notes`` gathers what people should know of the parts that were read."""

    def __init__(self, data: bytes, limits: ParseLimits) -> None:
        """Read the directory. Raises PermanentError ``corrupt`` or ``too_large``."""
        self._archive = open_zip(data)
        self._unpacking = Unpacking(limits)
        self._read: dict[str, Element] = {}
        # Windows programs write backslashes, and others leading slashes.
        self.names = {name.replace("\\", "/").lstrip("/"): name for name in self._archive.namelist()}
        self.notes: list[str] = []

    def bytes_of(self, name: str) -> bytes:
        """A part. Raises PermanentError ``corrupt`` when it is missing or damaged, ``encrypted`` or ``too_large``."""
        try:
            info = self._archive.getinfo(self.names[name])
        except KeyError:
            raise PermanentError("corrupt", f"The file lacks its part {name!r}; export it anew.") from None
        return unpack(self._archive, info, self._unpacking)

    def xml(self, name: str) -> Element:
        """The root element of a part, parsed once. Raises what ``bytes_of`` raises."""
        if name not in self._read:
            self._read[name] = self._parsed(name)
        return self._read[name]

    def xml_if_there(self, name: str | None) -> Element | None:
        """The root element of a part, or None when it is missing or beyond repair: the document can do without."""
        if name is None or name not in self.names:
            return None
        try:
            return self.xml(name)
        except PermanentError as error:
            if error.code != "corrupt":
                raise
            self.notes.append(error.message)
            return None

    def _parsed(self, name: str) -> Element:
        data = self.bytes_of(name)
        if len(data) > _LARGEST_XML:
            raise PermanentError(
                "too_large",
                f"The part {name!r} holds {len(data):,} bytes of XML, more than the {_LARGEST_XML:,} that are read; "
                "split the document and submit the parts.",
            )
        root, note = parse_xml(data, f"The part {name!r}")
        if note is not None:
            self.notes.append(note)
        return root


def open_zip(data: bytes) -> zipfile.ZipFile:
    """The archive, with its directory read. Raises PermanentError ``corrupt`` or ``too_large``."""
    if data.count(b"PK\x01\x02") > MOST_ENTRIES:
        raise PermanentError("too_large", f"The archive lists more than {MOST_ENTRIES:,} files; split it.")
    try:
        return zipfile.ZipFile(BytesIO(data))
    except zipfile.BadZipFile as error:
        said = "its directory at the end is missing" if "not a zip file" in str(error) else reason(error)
        raise PermanentError(
            "corrupt", f"The ZIP archive that the file consists of is damaged or cut off: {said}."
        ) from error
    except (ValueError, OSError, NotImplementedError, IndexError) as error:
        raise PermanentError(
            "corrupt", f"The ZIP archive that the file consists of is damaged or cut off: {reason(error)}."
        ) from error


def unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, unpacking: Unpacking) -> bytes:
    """One file of an archive. Raises PermanentError ``corrupt``, ``encrypted`` or ``too_large``."""
    if info.flag_bits & 0x1:
        raise PermanentError(
            "encrypted", f"The part {info.filename!r} is encrypted; remove the password and submit the file again."
        )
    unpacking.begin(info.filename, info.compress_size)
    parts: list[bytes] = []
    try:
        with archive.open(info) as stream:
            while piece := stream.read(_STEP):
                unpacking.add(len(piece))
                parts.append(piece)
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise PermanentError("corrupt", f"The part {info.filename!r} is damaged: {reason(error)}.") from error
    return b"".join(parts)


def parse_xml(data: bytes, what: str) -> tuple[Element, str | None]:
    """The root of an XML text, and a note if it was repaired or declared a document type.

    Entities are left alone, nothing is loaded, and nothing is fetched. Raises PermanentError ``corrupt``.
    """
    options = {"resolve_entities": False, "no_network": True, "load_dtd": False, "remove_pis": True}
    note = None
    try:
        root = etree.fromstring(data, etree.XMLParser(**options))
    except (etree.XMLSyntaxError, ValueError) as error:
        try:
            root = etree.fromstring(data, etree.XMLParser(**options, recover=True))
        except (etree.XMLSyntaxError, ValueError):
            root = None
        if root is None:
            raise PermanentError("corrupt", f"{what} is no well-formed XML: {reason(error)}.") from error
        note = f"{what} is no well-formed XML ({reason(error)}); what could be read was kept."
    if note is None and root.getroottree().docinfo.internalDTD is not None and b"<!ENTITY" in data:
        note = f"{what} declares entities, which were left alone."
    return root, note


def local(element: Element) -> str:
    """An element's name without its namespace; empty for comments and entities."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Element | None, name: str) -> str | None:
    """An attribute by its name without its namespace: strict and transitional documents differ in those alone."""
    if element is None:
        return None
    value = element.get(name)
    if value is not None:
        return str(value)
    return next((str(value) for key, value in element.attrib.items() if key.rpartition("}")[2] == name), None)


def child(element: Element | None, *path: str) -> Element | None:
    """The first descendant along a path of local names, or None."""
    for name in path:
        element = None if element is None else next((one for one in element if local(one) == name), None)
    return element


def children(element: Element | None, name: str) -> Iterator[Element]:
    """The children of that local name."""
    return (one for one in (() if element is None else element) if local(one) == name)


def resolved(part: str, target: str) -> str:
    """The name of the part that ``target`` means in ``part``; never one outside of the package."""
    target = re.split("[?#]", unquote(target), maxsplit=1)[0].replace("\\", "/")
    path = target if target.startswith("/") else posixpath.join("/", posixpath.dirname(part), target)
    return posixpath.normpath(path).lstrip("/")
