"""The true texts of a corpus: beside each PDF, or the document that it was printed from."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import fromstring
from zipfile import ZipFile

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"</?[a-z][^<>]*>")
_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")


@dataclass(frozen=True, slots=True)
class Pair:
    """A PDF and its true text. ``independent``: nobody's PDF reader made it, so that it may judge them."""

    pdf: Path
    truth: str
    independent: bool


def pairs(folder: Path) -> Iterator[Pair]:
    """All pairs below a folder: ``X.pdf`` with ``X.truth.txt`` or ``X.truth.md``, and ``X.odt.pdf`` with ``X.odt``."""
    for pdf in sorted(folder.rglob("*.pdf")):
        text, markdown, source = (pdf.with_suffix(end) for end in (".truth.txt", ".truth.md", ""))
        if text.is_file():
            yield Pair(pdf, text.read_text("utf-8", "replace"), independent=True)
        elif markdown.is_file():
            yield Pair(pdf, _of_markdown(markdown.read_text("utf-8", "replace")), independent=False)
        elif source.suffix == ".odt" and source.is_file():
            yield Pair(pdf, _of_odt(source), independent=True)


def _of_markdown(text: str) -> str:
    return html.unescape(_TAG.sub(" ", _LINK.sub(r"\1", _COMMENT.sub("", text)))).replace("\\", "")


def _of_odt(file: Path) -> str:
    """The text of an OpenDocument text, a paragraph to a line; of a corpus that is trusted, no stranger's."""
    with ZipFile(file) as archive:
        root = fromstring(archive.read("content.xml"))
    paragraphs = [element for element in root.iter() if element.tag in (f"{_TEXT}p", f"{_TEXT}h")]
    inner = {id(child) for one in paragraphs for child in one.iter() if child is not one}
    return "\n".join(_inline(one) for one in paragraphs if id(one) not in inner)


def _inline(paragraph: object) -> str:
    from xml.etree.ElementTree import Element

    assert isinstance(paragraph, Element)
    parts = [paragraph.text or ""]
    for child in paragraph:
        parts.append(" " if child.tag in (f"{_TEXT}tab", f"{_TEXT}s", f"{_TEXT}line-break") else _inline(child))
        parts.append(child.tail or "")
    return "".join(parts)
