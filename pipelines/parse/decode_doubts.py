"""Encodings that statistics of letters take for one another, told apart by the bytes that only one of them has."""

import re

CENTRAL_EUROPEAN = frozenset(["cp1250", "iso8859_2", "iso8859_16"])
# Letters of Windows' encoding where ISO's has control characters, and of ISO's where Windows' has signs.
_WINDOWS_LETTER = re.compile(rb"[\x8a\x8c-\x8f\x9a\x9c-\x9f]")
_ISO_LETTER = re.compile(
    rb"[A-Za-z\xc0-\xfe][\xb1\xb6\xbb\xb9\xbc\xbe](?=[a-z\xe0-\xfe])|[\xa6\xa9\xac\xae][a-z\xe0-\xfe]"
)

MAC_CAPITAL = re.compile(rb"[\x80-\x9f]")
"""Cyrillic capitals on old Macs, for which Windows has hardly any use; the small letters are the same."""

# Where the characters of nearly every text lie; a text that is read with its bytes swapped lies anywhere.
_USUAL = re.compile(
    r"[\t\n\r -~\xa0-\u024f\u0370-\u06ff\u0900-\u0e7f\u2010-\u2027\u3000-\u30ff"
    r"\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffee]"
)
_BETWEEN = re.compile(r"[ \n\u3000-\u3002\uff0c]")
_MOSTLY = 0.97


def central_european(sample: bytes) -> str:
    """Which of the encodings of Polish, Czech, Hungarian and so on it is."""
    if not _WINDOWS_LETTER.search(sample) and _ISO_LETTER.search(sample):
        return "iso8859_2"
    return "cp1250"


def utf16_by_scripts(sample: bytes) -> str | None:
    """UTF-16 without a mark in a script that has few zeros in it, such as Chinese; None for anything else.

    Asked only for what holds zeros, which no other encoding of text does.
    """
    if b"\0" not in sample or len(sample) < 8:
        return None
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = sample[: len(sample) & ~1].decode(encoding)
        except UnicodeDecodeError:  # a pair that was cut at the end of the sample counts as well: rare enough
            continue
        if len(_USUAL.findall(text)) > _MOSTLY * len(text) and _BETWEEN.search(text):
            return encoding
    return None
