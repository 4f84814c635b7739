"""Letters as people type them: ligatures written out, presentation forms and radicals as the letters they stand for."""

import re
import unicodedata
from collections.abc import Callable

# Alef before lam: pdfium, which turns lines from right to left round, also turns round the two letters of one ligature.
LAM_ALEF = re.compile("[\u0622\u0623\u0625\u0627]\u0644")
# Latin, Armenian and Hebrew ligatures, Arabic presentation forms, radicals and the ideographs that look the same. Of
# other compatibility forms, such as superscripts, the form says something.
_FORMS = re.compile("[\u2e80-\u2fd5\uf900-\ufaff\ufb00-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc]")
# TeX's older fonts set an accent and then its letter, which has no dot then.
_ACCENTED = re.compile("([\u00a8\u00af\u00b4\u00b8\u02c6\u02c7\u02d8-\u02da\u02dc\u02dd])([A-Za-z\u0131\u0237])")
_COMBINING = dict(
    zip(
        "\u00a8\u00af\u00b4\u00b8\u02c6\u02c7\u02d8\u02d9\u02da\u02dc\u02dd",
        "\u0308\u0304\u0301\u0327\u0302\u030c\u0306\u0307\u030a\u0303\u030b",
        strict=True,
    )
)
_DOTTED = {"\u0131": "i", "\u0237": "j"}


def in_order(text: str, extent: Callable[[int], tuple[float, float]]) -> str:
    """The text with the letters of its ligatures in order; ``extent`` gives left and right of a letter by its offset.

    Two letters that have the same place on the page are of one ligature.
    """

    def turned(match: "re.Match[str]") -> str:
        same = extent(match.start()) == extent(match.start() + 1)
        return match[0][::-1] if same else match[0]

    return LAM_ALEF.sub(turned, text)


def plain_letters(text: str) -> str:
    """The text with ligatures and presentation forms as ordinary letters."""
    if text.isascii() or not _FORMS.search(text):
        return text
    return _FORMS.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)


def with_accents(text: str) -> str:
    """The text of a file by TeX with each accent on its letter; what is no letter together stays apart."""
    return text if text.isascii() else _ACCENTED.sub(_accented, text)


def _accented(match: "re.Match[str]") -> str:
    letter = unicodedata.normalize("NFC", _DOTTED.get(match[2], match[2]) + _COMBINING[match[1]])
    return letter if len(letter) == 1 else match[0]
