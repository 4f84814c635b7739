"""RTF as Outlook packs it, by the rules of [MS-OXRTFCP]: an LZ77 whose dictionary begins filled."""

import struct

from pipelines.errors import PermanentError

_BEGIN = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans Serif"
    rb"SymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_WINDOW = 4096
_PACKED, _PLAIN = 0x75465A4C, 0x414C454D


def unpacked(data: bytes) -> bytes:
    """The RTF. Raises PermanentError ``corrupt``."""
    if len(data) < 16:
        raise PermanentError("corrupt", "The mail's text in RTF is cut off.")
    _, size, kind, _ = struct.unpack_from("<IIII", data)
    if kind == _PLAIN:
        return data[16 : 16 + size]
    if kind != _PACKED:
        raise PermanentError("corrupt", "The mail's text in RTF is packed in an unknown way.")
    return _inflated(data[16:])


def _inflated(data: bytes) -> bytes:
    window = bytearray(_BEGIN.ljust(_WINDOW, b"\0"))
    at = len(_BEGIN)
    out = bytearray()
    position = 0
    while position < len(data):
        flags = data[position]
        position += 1
        for bit in range(8):
            if position >= len(data):
                return bytes(out)
            if not flags >> bit & 1:
                piece = data[position : position + 1]
                position += 1
            else:
                token = int.from_bytes(data[position : position + 2], "big")
                position += 2
                start, length = token >> 4, (token & 15) + 2
                if start == at:
                    return bytes(out)
                piece = b""
                for offset in range(length):  # a run may read what it has just written
                    byte = window[(start + offset) % _WINDOW]
                    window[(at + offset) % _WINDOW] = byte
                    piece += bytes((byte,))
            for byte in piece:
                window[at] = byte
                at = (at + 1) % _WINDOW
            out += piece
    return bytes(out)
