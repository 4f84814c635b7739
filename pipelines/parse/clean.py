"""Makes text storable: Postgres TEXT refuses NUL, UTF-8 refuses lone surrogates."""

import re

_NONCHARACTERS = "\ufdd0-\ufdef\ufffe\uffff" + "".join(
    chr(plane << 16 | low) for plane in range(1, 17) for low in (0xFFFE, 0xFFFF)
)
_BREAKS = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_REMOVED = re.compile(f"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff{_NONCHARACTERS}]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# One look for whatever the above would change: most pages have nothing but line ends.
_ANY = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff{_NONCHARACTERS}]")


def clean(text: str) -> str:
    """The text without what cannot be stored or seen; cleaning twice changes nothing.

    Every kind of line break becomes a newline, other control characters than tab, byte order marks and noncharacters
    are removed, surrogates that form a pair become their character and lone ones U+FFFD.
    """
    text = text.replace("\r\n", "\n")
    # Asking whether all is printable takes a tenth of the time, and is no for hardly any text but what is dirty.
    if text.replace("\n", " ").replace("\xa0", " ").isprintable() or not _ANY.search(text):
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _REMOVED.sub("", _BREAKS.sub("\n", text))


def clean_line(text: str, limit: int = 4_000) -> str:
    """A cleaned value for a single line, such as a title: whitespace collapsed, bounded in length."""
    return " ".join(clean(text[: 4 * limit]).split())[:limit]
