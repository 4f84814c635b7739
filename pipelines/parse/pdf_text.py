"""From the lines of a PDF's pages to their texts: as Markdown, without what only the paper needed."""

import re
from collections.abc import Mapping, Sequence

from pipelines.parse.clean import clean
from pipelines.parse.pdf_furniture import furniture
from pipelines.parse.pdf_headings import Heading, Title, headings
from pipelines.parse.pdf_hyphens import Hyphens
from pipelines.parse.pdf_letters import plain_letters
from pipelines.parse.pdf_lines import Lines

LEFT_OUT = "Headers, footers and page numbers that repeat were left out after the first time."

_DIVIDED = "\ufffe\xad"
_LOOKS_LIKE_HEADING = re.compile(r"\s{0,3}#{1,6}(?=\s|\Z)")
# A step down the page that is so much larger than the usual one begins a paragraph.
_PARAGRAPH = 1.4
_WRAPPED_SHARE = 0.85
_FIRST_CJK = "\u3001"  # behind the space that begins a paragraph
_CJK = re.compile("[\u3001-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")


def page_texts(
    pages: Sequence[Lines], titles: Mapping[int, Sequence[Title]], *, every_line: bool = False
) -> tuple[list[str], list[str]]:
    """The text of each page, and notes; ``titles`` are those of the outline by the number of the page, from 0.

    With ``every_line`` running headers, footers and page numbers are kept on each page.
    """
    dropped = furniture(pages)
    found = headings(pages, titles, dropped)  # what repeats is none, whether it is kept or not
    if every_line:
        dropped = [frozenset()] * len(pages)
    hyphens = _hyphens(pages)
    texts = [_page_text(lines, found[page], dropped[page], hyphens) for page, lines in enumerate(pages)]
    return texts, [LEFT_OUT] if any(dropped) else []


def _hyphens(pages: Sequence[Lines]) -> Hyphens:
    """Made of all lines, but only if it is needed: the words of a long document take a moment to collect."""
    needed = any(text[-1] in _DIVIDED for lines in pages for text in lines.texts)
    return Hyphens(text for lines in pages for text in lines.texts if needed)


def _page_text(lines: Lines, found: Sequence[Heading], dropped: frozenset[int], hyphens: Hyphens) -> str:
    text = _of_lines(lines, found, dropped, hyphens) if lines.placed else "\n".join(lines.texts)
    return clean(plain_letters("\n\n".join(filter(None, (text, "\n\n".join(lines.over))))))


def _of_lines(lines: Lines, found: Sequence[Heading], dropped: frozenset[int], hyphens: Hyphens) -> str:
    starts = {heading.first: heading for heading in found}
    page = _Page(hyphens, widest=max(map(len, lines.texts), default=0))
    far = _PARAGRAPH * lines.step
    line, last = 0, float("-inf")
    while line < len(lines.texts):
        heading = starts.get(line) if starts else None
        if heading is not None:
            page.heading(heading.level, lines.texts[line : line + heading.count])
            line += heading.count - 1
            last = lines.bottom[line]
        elif line not in dropped:
            bottom = lines.bottom[line]
            page.line(lines.texts[line], new_paragraph=last - bottom > far)
            last = bottom
        line += 1
    return page.text()


class _Page:
    """The lines of a page as they are to be read, as they are put together."""

    def __init__(self, hyphens: Hyphens, *, widest: int) -> None:
        self._hyphens = hyphens
        self._widest = widest
        self._lines: list[str] = []

    def heading(self, level: int, texts: Sequence[str]) -> None:
        """Add a heading, on a line of its own whatever it was printed on."""
        text = texts[0]
        for more in texts[1:]:
            text = self._hyphens.joined(text[:-1], more) if text[-1] in _DIVIDED else f"{text} {more}"
        if self._lines and self._lines[-1]:
            self._lines.append("")
        self._lines += [f"{'#' * level} {text}", ""]

    def line(self, text: str, *, new_paragraph: bool) -> None:
        """Add a line, or what is left of it when its beginning ends a word or a sentence above."""
        last = self._lines[-1] if self._lines else ""
        if last and last[-1] in _DIVIDED:
            self._finish_word(last[:-1], text)
        elif not new_paragraph and self._is_wrapped(last, text):
            self._lines[-1] = last + text
        else:
            self._lines += ["", _escaped(text)] if new_paragraph and last else [_escaped(text)]

    def text(self) -> str:
        """All of it."""
        text = "\n".join(self._lines)
        # A soft hyphen within a line is a printed one: older producers write minus signs that way.
        return text.replace("\ufffe", "-").replace("\xad", "-").strip("\n")

    def _finish_word(self, left: str, right: str) -> None:
        joined = self._hyphens.joined(left, right)
        end = joined.find(" ", len(left))
        if end < 0:
            self._lines[-1] = joined
        else:
            self._lines[-1] = joined[:end]
            self._lines.append(_escaped(joined[end + 1 :]))

    def _is_wrapped(self, last: str, text: str) -> bool:
        """Whether a line ends where it does for want of room only, in a script that puts no space there."""
        if not last or last[-1] < _FIRST_CJK or text[0] < _FIRST_CJK or len(last) < _WRAPPED_SHARE * self._widest:
            return False
        return _CJK.match(last[-1]) is not None and _CJK.match(text) is not None


def _escaped(text: str) -> str:
    """The text as Markdown: a shell's comment is no heading."""
    return "\\" + text if "#" in text[:4] and _LOOKS_LIKE_HEADING.match(text) else text
