"""From bytes to text when nobody says in which encoding."""

import codecs
import re

from charset_normalizer import from_bytes

from pipelines.parse.decode_doubts import CENTRAL_EUROPEAN, MAC_CAPITAL, central_european, utf16_by_scripts
from pipelines.parse.decode_letters import by_letters, is_hz

# Detection reads this much; its cost grows with it and its answer does not change.
_SAMPLE = 32_768
_FEW = 8
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What pages call an encoding and what they mean by it, as browsers read them.
_MEANT = {
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "iso-8859-9": "cp1254",
    "utf-16": "utf-8",  # in a meta tag that was read as ASCII it cannot be true
}
_CHARSET = re.compile(rb"""<meta[^>]{0,500}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,40})""", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"""\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9_.:-]{2,40})""")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def declared_encoding(data: bytes) -> str | None:
    """The encoding that an HTML or XML file declares near its start, if it does."""
    head = data[:65_536]
    match = _XML_ENCODING.match(head) or _CHARSET.search(head)
    return match[1].decode("ascii") if match else None


def decode(data: bytes, declared: str | None = None) -> tuple[str, str] | None:
    """The text and the name of its encoding, or None when the bytes are no text.

    A byte order mark wins, then the encoding that the document declares if the bytes agree with it, then UTF-8, UTF-16
    by the pattern of its zeros, then an encoding whose letters are those of one language, and what charset-normalizer
    makes of a sample.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace"), encoding
    by_escapes = "iso2022_jp" if b"\x1b$B" in data or b"\x1b$@" in data else "hz" if is_hz(data) else None
    # (These have seven bits, and would pass as UTF-8.)
    for encoding in filter(None, (by_escapes, _codec(declared), "utf-8")):
        text = _strictly(data, encoding)
        if text is not None and _share_of_controls(text) < 0.3:  # NULs in otherwise plain text are cleaned away
            return text, encoding
    guess = _utf16_by_zeros(data) or utf16_by_scripts(data[:_SAMPLE]) or _detected(data)
    if guess is None:
        return None
    text = data.decode(guess, "replace")
    return (text, guess) if _share_of_controls(text) < 0.01 else None


def _codec(declared: str | None) -> str | None:
    if declared is None:
        return None
    name = declared.strip().lower()
    try:
        return codecs.lookup(_MEANT.get(name, name)).name
    except (LookupError, ValueError):
        return None


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):  # LookupError: a codec such as "hex" that is not one of text
        return None


def _share_of_controls(text: str) -> float:
    sample = text[:_SAMPLE]
    return len(_CONTROL.findall(sample)) / len(sample) if sample else 0.0


def _utf16_by_zeros(data: bytes) -> str | None:
    sample = data[:4096]
    if len(sample) < 4:
        return None
    even, odd = (sample[start::2].count(0) / (len(sample) / 2) for start in (0, 1))
    if odd > 0.4 and even < 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.1 else None


def _detected(data: bytes) -> str | None:
    sample = data[:_SAMPLE]
    if len(data) > _SAMPLE:  # not in the middle of a character of several bytes
        sample = sample[: max(sample.rfind(b"\n"), sample.rfind(b" ")) + 1] or sample
    if b"\x00" in sample or (_share_of_controls(sample.decode("latin-1")) > 0.05 and not _ebcdic(sample)):
        return None
    by_alphabet = by_letters(sample)
    if by_alphabet is not None:
        return central_european(sample) if by_alphabet in CENTRAL_EUROPEAN else by_alphabet
    if sum(byte > 0x7F for byte in sample) < _FEW and _strictly(data, "cp1252") is not None:
        return "cp1252"  # too little to tell by, and this is the most frequent
    matches = from_bytes(sample)
    best = matches.best()
    if best is None:
        return None
    if best.encoding == "mac_cyrillic" and not MAC_CAPITAL.search(sample):
        return "cp1251"
    # Neighbours of Windows' Western encoding differ from it in a few letters, which samples of text seldom show.
    western = next((match for match in matches if "cp1252" in match.could_be_from_charset), None)
    if western is not None and western.chaos <= best.chaos + 0.01 and western.coherence >= best.coherence - 0.05:
        return "cp1252"
    return central_european(sample) if best.encoding in CENTRAL_EUROPEAN else best.encoding


def _ebcdic(sample: bytes) -> bool:
    """Whether spaces and letters are where EBCDIC has them: the only text whose line ends look like binary."""
    letters = sum(sample.count(letter) for letter in b"\x81\x85\x89\x95\x96\xa2\xa3\x99")
    return sample.count(0x40) > len(sample) / 20 and letters > len(sample) / 4
