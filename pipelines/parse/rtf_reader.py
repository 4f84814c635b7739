"""Reads RTF into blocks: a flat walk over its control words, with a stack of groups.

striprtf, the library for it, gives plain text only: no headings, tables, lists or footnotes.
"""

import re
from dataclasses import dataclass, field, replace

from pipelines.parse.blocks import Blocks, link
from pipelines.parse.clean import clean_line
from pipelines.parse.rtf_words import ASIDES, CHARACTERS, CODEPAGES, INFO, SKIPPED, STARRED

_TOKEN = re.compile(
    rb"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<hex>[0-9a-fA-F]{2})|\\(?P<sign>[^a-zA-Z])"
    rb"|(?P<brace>[{}])|[\r\n]+|(?P<text>[^\\{}\r\n]+)",
    re.DOTALL,
)
_SIGNS = {b"~": "\xa0", b"_": "-", b"-": "", b"\n": "\n", b"\r": "\n"}
_LINK = re.compile(r'HYPERLINK\s+(?:\\[a-z]\s+)*"([^"]+)"')
_BULLETS = frozenset("•·◦▪§oØü*-–")
_HEADING = re.compile(r"heading (\d)\b", re.IGNORECASE)
_BODY_LEVEL = 9


@dataclass(slots=True)
class _Group:
    """``into`` is where text goes: "" for the document, else a destination."""

    into: str = ""
    codec: str = "cp1252"
    unicode_skip: int = 1
    hidden: bool = False
    starred: bool = False
    owner: bool = False


@dataclass(slots=True)
class _Paragraph:
    parts: list[str] = field(default_factory=list)
    level: int | None = None
    style: int | None = None
    in_table: bool = False
    marker: str | None = None
    depth: int = 0


def read_rtf(data: bytes, blocks: Blocks) -> dict[str, str]:
    """Write the document; its title and author, if it says them. Raises PermanentError ``too_large``."""
    reader = _Reader(blocks)
    reader.read(data)
    return reader.metadata


class _Reader:
    def __init__(self, blocks: Blocks) -> None:
        self.metadata: dict[str, str] = {}
        self._blocks = blocks
        self._group = _Group()
        self._stack: list[_Group] = []
        self._raw = bytearray()
        self._skip = 0
        self._default = "cp1252"
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._levels: dict[int, int] = {}
        self._style = 0
        self._paragraph = _Paragraph()
        self._collected: dict[str, list[str]] = {}
        self._links: list[tuple[int, int, str]] = []
        self._row: list[str] = []
        self._rows: list[list[str]] = []
        self._told: set[str] = set()

    def read(self, data: bytes) -> None:
        position = 0
        while match := _TOKEN.match(data, position) or _TOKEN.search(data, position):
            position = match.end()
            if match["text"] is not None:
                self._bytes(match["text"])
            elif match["hex"] is not None:
                self._bytes(bytes((int(match["hex"], 16),)))
            elif match["brace"] is not None:
                self._flush()
                self._open() if match["brace"] == b"{" else self._close()
            elif match["word"] is not None:
                number = None if match["number"] is None else int(match["number"])
                word = match["word"].decode("ascii")
                if word == "bin":
                    position += max(number or 0, 0)
                else:
                    self._flush()
                    self._word(word, number)
            elif match["sign"] is not None:
                self._flush()
                self._sign(match["sign"])
        self._flush()
        while self._stack:
            self._close()
        self._end_paragraph()
        self._end_table()

    def _bytes(self, data: bytes) -> None:
        if self._skip:
            left = max(self._skip - len(data), 0)
            data = data[self._skip :]
            self._skip = left
        if data and self._group.into != "skip":
            self._raw += data

    def _flush(self) -> None:
        """Decode the bytes at hand: characters of several bytes come one byte at a time."""
        if self._raw:
            text = self._raw.decode(self._group.codec, "replace")
            self._raw.clear()
            self._text(text)

    def _text(self, text: str) -> None:
        into = self._group.into
        if into == "skip" or self._group.hidden:
            return
        if into == "stylesheet":
            self._style_named(text)
        elif into:
            self._collected.setdefault(into, []).append(text)
        else:
            self._paragraph.parts.append(text)

    def _open(self) -> None:
        self._stack.append(self._group)
        self._group = replace(self._group, owner=False, starred=False)

    def _close(self) -> None:
        if not self._stack:
            return
        ended, self._group = self._group, self._stack.pop()
        if ended.owner:
            self._destination_ended(ended.into)
        while self._links and self._links[-1][0] > len(self._stack):
            self._end_link(*self._links.pop()[1:])

    def _end_link(self, start: int, url: str) -> None:
        parts = self._paragraph.parts
        if url and start < len(parts):
            parts[start:] = [link("".join(parts[start:]), url)]

    def _sign(self, sign: bytes) -> None:
        if sign == b"*":
            self._group.starred = True
        elif sign in (b"\\", b"{", b"}"):
            self._text(sign.decode())
        elif sign in (b"\n", b"\r"):
            self._end_paragraph()
        else:
            self._text(_SIGNS.get(sign, ""))

    def _word(self, word: str, number: int | None) -> None:
        if self._group.starred and word not in STARRED:
            self._into("skip")
            self._group.starred = False
            return
        self._group.starred = False
        if word == "fonttbl" or word == "stylesheet":
            self._into(word)
        elif self._group.into == "fonttbl":
            self._font_table(word, number)
        elif self._group.into == "stylesheet" and word == "s":
            self._style = number or 0
        elif word in SKIPPED:
            self._into("skip")
        elif self._group.into != "skip":
            self._visible(word, number)

    def _visible(self, word: str, number: int | None) -> None:
        if word in CHARACTERS:
            self._text(CHARACTERS[word])
        elif word == "u" and number is not None:
            self._text(chr(number % 65536))
            self._skip = self._group.unicode_skip
        elif word == "uc":
            self._group.unicode_skip = min(max(number or 0, 0), 10)
        elif word in ("ansicpg", "f", "plain"):
            self._characters(word, number)
        elif word in ("v", "deleted"):
            self._group.hidden = number != 0
        elif word in ASIDES or word in ("fldinst", "listtext", "pntext") or word in INFO:
            self._into(word)
        elif word == "fldrslt":
            url = _LINK.search("".join(self._collected.pop("fldinst", [])))
            self._links.append((len(self._stack), len(self._paragraph.parts), url[1] if url else ""))
        elif not self._group.into:
            self._layout(word, number)
        elif word == "par":
            self._text("\n")

    def _characters(self, word: str, number: int | None) -> None:
        """Which encoding the bytes are in: the document's, or that of the font."""
        if word == "ansicpg":
            self._default = _codec(f"cp{number}")
        self._group.codec = self._fonts.get(number or 0, self._default) if word == "f" else self._default
        self._group.hidden = self._group.hidden and word != "plain"

    def _layout(self, word: str, number: int | None) -> None:
        paragraph = self._paragraph
        if word == "par" or word == "sect":
            self._end_paragraph()
        elif word == "pard":
            self._paragraph = _Paragraph(paragraph.parts, marker=paragraph.marker)
        elif word == "intbl":
            paragraph.in_table = True
        elif word == "s":
            paragraph.style = number
        elif word == "outlinelevel" and number is not None:
            paragraph.level = number + 1 if number < _BODY_LEVEL else None
        elif word == "ilvl":
            paragraph.depth = min(max(number or 0, 0), 9)
        elif word == "cell":
            self._row.append("".join(paragraph.parts))
            paragraph.parts = []
        elif word == "row":
            self._rows.append(self._row)
            self._row = []
        elif word == "page":
            self._end_paragraph()
            self._end_table()
            self._blocks.new_page()

    def _into(self, destination: str) -> None:
        self._group.into = destination
        self._group.owner = True

    def _destination_ended(self, into: str) -> None:
        text = "" if into == "fldinst" else "".join(self._collected.pop(into, []))
        if into in ASIDES:
            line = f"{ASIDES[into]}: {' '.join(text.split())}"
            if text.strip() and line not in self._told:
                self._told.add(line)
                self._blocks.aside(line)
        elif into in ("listtext", "pntext"):
            mark = text.strip()
            self._paragraph.marker = "-" if not mark or mark in _BULLETS or ord(mark[0]) >= 0xF000 else mark
        elif into in INFO and text.strip():
            self.metadata[INFO[into]] = clean_line(text)

    def _style_named(self, text: str) -> None:
        """The name of the style at hand, which says whether it is one of headings."""
        match = _HEADING.search(text)
        if match is not None:
            self._levels[self._style] = int(match[1])

    def _font_table(self, word: str, number: int | None) -> None:
        if word == "f":
            self._font = number or 0
        elif word == "fcharset":
            self._fonts[self._font] = CODEPAGES.get(number or 0, self._default) if number else self._default
        elif word == "cpg":
            self._fonts[self._font] = _codec(f"cp{number}")

    def _end_paragraph(self) -> None:
        paragraph = self._paragraph
        text = "".join(paragraph.parts)
        if paragraph.in_table:
            paragraph.parts.append("\n")
            return
        self._end_table()
        level = paragraph.level or self._levels.get(-1 if paragraph.style is None else paragraph.style)
        if level is not None:
            self._blocks.heading(level, text)
        elif paragraph.marker is not None:
            self._blocks.item(text, paragraph.depth, paragraph.marker)
        else:
            self._blocks.paragraph(text)
        self._paragraph = replace(paragraph, parts=[], marker=None)

    def _end_table(self) -> None:
        if self._row:
            self._rows.append(self._row)
        if self._rows:
            self._blocks.table(self._rows)
        self._row, self._rows = [], []


def _codec(name: str) -> str:
    try:
        b"".decode(name)
    except LookupError:
        return "cp1252"
    return name
