"""Mathematics by TeX: symbols whose names are TeX's own, and letters that pdfium sets apart."""

import ctypes
import re
import unicodedata
from collections.abc import Callable

import pypdfium2.raw as pdfium

from pipelines.parse import pdf_large

# Names such as `prime` and `negationslash` are in no list of glyphs: pdfium gives the character with the same code. In
# these fonts no code is a digit's or a small letter's.
_SYMBOL_FONT = re.compile(rb"(?:CMB?SY|LMMathSymbols)\d")
_SYMBOLS = {"0": "\u2032", "3": "\u220b", "4": "\u25b3", "6": "\u0338", "7": "\u21a6"}
_SYMBOLS |= {"h": "\u27e8", "i": "\u27e9", "k": "\u2016"}
# Each question costs half a microsecond: neither digits of numbers nor letters in the middle of words are asked about.
# What is looked for stands first, which makes looking twenty times as fast.
_DIGITS = re.compile(r"[03467](?<!\d.)(?<!\d[.,].)0?(?!\d|[.,]\d)")
_LETTERS = re.compile("[hik](?:(?<![a-z].)|(?![a-z]))")
# An oblique stroke is set before the relation that it negates, but stands behind it in Unicode.
_STROKE = "\u0338"
_COMBINING = re.compile("[\u0302\u0303\u0338]")
_NEGATED = re.compile(_STROKE + "(\\s?)([=<>\u2190-\u22ff])")

# What leans needs room behind it, which pdfium takes for a space; a formula has none of its own.
_ITALIC_FONT = re.compile(rb"(?:CMMIB?|LMMathItalic)\d")
_APART = re.compile("[A-Z](?<![A-Za-z].) (?=[A-Za-z](?![a-z]))")
_LEANS = 0.12
_NOTHING = "\0"

_NAME_BYTES = 64


class Symbols:
    """Mends the text of one page; ``index`` gives pdfium's number of the character at an offset."""

    def __init__(self, textpage: object, index: Callable[[int], int]) -> None:
        """Ask nothing yet."""
        self._textpage = textpage
        self._index = index
        self._name = ctypes.create_string_buffer(_NAME_BYTES)
        self._flags = ctypes.c_int()
        self._box = pdfium.FS_RECTF()

    def mended(self, text: str) -> str:
        """The text with its symbols, of the same length: `composed` makes its lines readable."""
        text = _LETTERS.sub(self._symbol, _DIGITS.sub(self._symbol, text))
        if pdf_large.FORMULA.search(text):
            text = pdf_large.CODES.sub(self._large, pdf_large.LYING_BRACE.sub(self._brace, text))
        if _STROKE in text:
            text = _NEGATED.sub(r"\1\2" + _STROKE, text)
        return _APART.sub(self._together, text)

    def _symbol(self, match: "re.Match[str]") -> str:
        found = match[0]
        return _SYMBOLS[found[0]] * len(found) if self._is_unnamed(match.start(), _SYMBOL_FONT) else found

    def _large(self, match: "re.Match[str]") -> str:
        return pdf_large.SYMBOLS[match[0]] if self._is_unnamed(match.start(), pdf_large.FONT) else match[0]

    def _brace(self, match: "re.Match[str]") -> str:
        return " " * len(match[0]) if self._is_unnamed(match.start(), pdf_large.FONT) else match[0]

    def _is_unnamed(self, offset: int, font: "re.Pattern[bytes]") -> bool:
        """Whether it is of this font, by a name that pdfium does not know."""
        unnamed = pdfium.FPDFText_HasUnicodeMapError(self._textpage, self._index(offset)) == 1
        return unnamed and font.search(self._font(offset)) is not None

    def _together(self, match: "re.Match[str]") -> str:
        first, second = match.start(), match.end()
        if not all(_ITALIC_FONT.search(self._font(letter)) for letter in (first, second)):
            return match[0]
        size = pdfium.FPDFText_GetFontSize(self._textpage, self._index(first))
        gap = self._extent(second)[0] - self._extent(first)[1]
        return match[0][0] + _NOTHING if -size < gap < _LEANS * size else match[0]

    def _font(self, offset: int) -> bytes:
        pdfium.FPDFText_GetFontInfo(self._textpage, self._index(offset), self._name, _NAME_BYTES, self._flags)
        return self._name.value

    def _extent(self, offset: int) -> tuple[float, float]:
        pdfium.FPDFText_GetLooseCharBox(self._textpage, self._index(offset), self._box)
        return self._box.left, self._box.right


def composed(line: str) -> str:
    """A line with its symbols as people type them: one character for what is negated, one arrow for `maps to`."""
    if line.isascii():
        return line.replace(_NOTHING, "")
    line = line.translate(pdf_large.STANDING_PIECES)
    if _COMBINING.search(line):
        line = unicodedata.normalize("NFC", line)
    return line.replace("\u21a6\u2192", "\u21a6").replace(_NOTHING, "")
