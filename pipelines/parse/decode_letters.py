"""Encodings of European languages, told by their letters: read in the wrong one, a text has letters of no language."""

import re
from collections import Counter

_LANGUAGES = {
    "cp1252": {
        "German": "äöüß",
        "French": "àâæçéèêëîïôœùûüÿ",
        "Spanish": "áéíóúüñªº¡¿",
        "Portuguese": "ãáàâçéêíóôõúüªº",
        "Italian": "àèéìíîòóùúªº",
        "Swedish, Finnish": "åäöéšž",
        "Danish, Norwegian": "æøåéèòôü",
        "Icelandic": "áðéíóúýþæö",
        "Dutch": "áéëïóöüèê",
        "Catalan": "àçéèíïóòúü·",
    },
    "cp1250": {
        "Polish": "ąćęłńóśźż",
        "Czech": "áčďéěíňóřšťúůýž",
        "Slovak": "áäčďéíĺľňóôŕšťúýž",
        "Hungarian": "áéíóöőúüű",
        "Slovene, Croatian": "čćđšž",
        "Romanian": "ăâîşţ",
    },
    "cp1257": {"Lithuanian": "ąčęėįšųūž", "Latvian": "āčēģīķļņōŗšūž", "Estonian": "äöõüšž"},
    "cp1254": {"Turkish": "âçğıîöşüûİ"},
}
_LANGUAGES["iso8859_2"] = _LANGUAGES["cp1250"]
_TRIED = ("cp1252", "cp1250", "iso8859_2", "cp1257", "cp1254")
_ALPHABETS = {
    encoding: [frozenset(letters + letters.upper()) for letters in languages.values()]
    for encoding, languages in _LANGUAGES.items()
}
# Signs that a text of any language may hold.
_ANYWHERE = frozenset("\u00a0§°©®€£«»‹›„“”‚‘’–—…•·´×±½¼¾²³µ™\u00ad")
_NEARLY_ALL = 0.98
# Of other scripts hardly any letter is one of ASCII.
_MOST_HIGH = 0.4
_HZ = re.compile(rb"~\{(?:[!-w][!-~])+~\}")


def by_letters(sample: bytes) -> str | None:
    """The encoding in which (nearly) all letters beyond ASCII are ones of a single language; None if there is none.

    Of several the most frequent: they differ in letters that the text does not have.
    """
    plain = sum(byte < 0x80 and chr(byte).isalpha() for byte in sample)
    for encoding in _TRIED:
        try:
            found = Counter(char for char in sample.decode(encoding) if char > "\x7f")
        except UnicodeDecodeError:
            continue
        letters = found.total() - sum(found[char] for char in _ANYWHERE)
        if not 0 < letters <= _MOST_HIGH * (plain + letters):
            continue
        for alphabet in _ALPHABETS[encoding]:
            if sum(found[char] for char in alphabet - _ANYWHERE) >= _NEARLY_ALL * letters:
                return encoding
    return None


def is_hz(data: bytes) -> bool:
    """Whether a text of seven bits holds Chinese between ``~{`` and ``~}``, and no tilde that means anything else."""
    if not _HZ.search(data) or not data.isascii():
        return False
    try:
        text = data.decode("hz")
    except UnicodeDecodeError:
        return False
    return sum("\u4e00" <= char <= "\u9fff" for char in text) > 1
