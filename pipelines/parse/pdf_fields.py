"""What is laid over a PDF's pages, as pdfium reads it: filled-in fields, comments, links."""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from pipelines.parse.clean import clean, clean_line

_MOST_OF_PAGE = 2_000
_MOST_LINKS = 500
_LONGEST_LINK = 2_048
_LONGEST = 20_000  # characters of one value
_COMMENTS = frozenset(
    {
        pdfium.FPDF_ANNOT_TEXT,
        pdfium.FPDF_ANNOT_FREETEXT,
        pdfium.FPDF_ANNOT_HIGHLIGHT,
        pdfium.FPDF_ANNOT_UNDERLINE,
        pdfium.FPDF_ANNOT_SQUIGGLY,
        pdfium.FPDF_ANNOT_STRIKEOUT,
        pdfium.FPDF_ANNOT_STAMP,
        pdfium.FPDF_ANNOT_CARET,
        pdfium.FPDF_ANNOT_REDACT,
    }
)
_WITH_TEXT = frozenset(
    {
        pdfium.FPDF_FORMFIELD_TEXTFIELD,
        pdfium.FPDF_FORMFIELD_COMBOBOX,
        pdfium.FPDF_FORMFIELD_LISTBOX,
    }
)
_TO_TICK = frozenset({pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON})


class Fields:
    """Reads page after page, and gathers what is of the whole document: where its links lead.

    ``followed`` has that of the pages read so far, each once, empty where there is nothing to show;
    ``pages_with_files`` their indexes.
    """

    def __init__(self, document: pypdfium2.PdfDocument, followed: Sequence[str], pages_with_files: list[int]) -> None:
        """Prepare for the pages of a document, none of which is loaded yet, and go on behind these."""
        self._document = document.raw
        if document.get_formtype() != pdfium.FORMTYPE_NONE:
            document.init_forms()
        self._form = document.formenv.raw if document.formenv else None
        self.followed: dict[str, None] = dict.fromkeys(followed)
        self._buffer = ctypes.create_string_buffer(_LONGEST_LINK)
        self.pages_with_files = pages_with_files

    def of_page(self, page: object, index: int) -> list[str]:
        """Lines for what is laid over a page, to be added to its text."""
        found: dict[str, None] = {}
        for number in range(min(pdfium.FPDFPage_GetAnnotCount(page), _MOST_OF_PAGE)):
            annotation = pdfium.FPDFPage_GetAnnot(page, number)
            if not annotation:
                continue
            try:
                kind = pdfium.FPDFAnnot_GetSubtype(annotation)
                if kind == pdfium.FPDF_ANNOT_FILEATTACHMENT:
                    self._note_file(index)
                found.update(dict.fromkeys(self._lines(annotation, kind)))
            finally:
                pdfium.FPDFPage_CloseAnnot(annotation)
        return list(found)

    def _lines(self, annotation: object, kind: int) -> Iterator[str]:
        if kind == pdfium.FPDF_ANNOT_LINK:
            if len(self.followed) < _MOST_LINKS:
                self._follow(annotation)
        elif kind == pdfium.FPDF_ANNOT_WIDGET:
            if self._form is not None:
                yield from self._filled_in(annotation)
        elif kind in _COMMENTS:
            text = _string(annotation, b"Contents").strip()
            author = clean_line(_string(annotation, b"T"), 100)
            if text and kind == pdfium.FPDF_ANNOT_FREETEXT:
                yield text
            elif text:
                yield f"> {author}: {_quoted(text)}" if author else f"> {_quoted(text)}"

    def _note_file(self, index: int) -> None:
        if self.pages_with_files[-1:] != [index]:
            self.pages_with_files.append(index)

    def _follow(self, annotation: object) -> None:
        action = pdfium.FPDFLink_GetAction(pdfium.FPDFAnnot_GetLink(annotation))
        if not action or pdfium.FPDFAction_GetType(action) != pdfium.PDFACTION_URI:
            return
        written = pdfium.FPDFAction_GetURIPath(self._document, action, self._buffer, _LONGEST_LINK)
        if 1 < written <= _LONGEST_LINK:
            self.followed[clean_line(self._buffer.raw[: written - 1].decode("utf-8", "replace"), 2_000)] = None

    def _filled_in(self, widget: object) -> Iterator[str]:
        kind = pdfium.FPDFAnnot_GetFormFieldType(self._form, widget)
        if kind in _TO_TICK:
            if pdfium.FPDFAnnot_IsChecked(self._form, widget):
                yield f"{self._label(widget)}: {self._text(pdfium.FPDFAnnot_GetFormFieldExportValue, widget) or 'x'}"
        elif kind in _WITH_TEXT:
            value = self._text(pdfium.FPDFAnnot_GetFormFieldValue, widget)
            if value:
                yield f"{self._label(widget)}: {value}"

    def _label(self, widget: object) -> str:
        """What a field is called: by its description for people, else by its name without the names of its groups."""
        described = clean_line(self._text(pdfium.FPDFAnnot_GetFormFieldAlternateName, widget), 200)
        return described or clean_line(self._text(pdfium.FPDFAnnot_GetFormFieldName, widget), 200).rsplit(".", 1)[-1]

    def _text(self, ask: Callable[..., int], widget: object) -> str:
        return _utf16(lambda buffer, size: ask(self._form, widget, buffer, size))


def _string(annotation: object, key: bytes) -> str:
    return _utf16(lambda buffer, size: pdfium.FPDFAnnot_GetStringValue(annotation, key, buffer, size))


def _utf16(ask: Callable[[Any, int], int]) -> str:
    """What pdfium says when asked with a buffer and its size in bytes, bounded in length."""
    size = min(ask(None, 0), 2 * _LONGEST)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    if ask(ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size) > size:
        return ""  # longer than what is taken of a value
    return clean(buffer.raw[: size - 2].decode("utf-16-le", "surrogatepass")).strip()


def _quoted(text: str) -> str:
    return text.replace("\n", "\n> ")
