"""What a Word document's paragraphs refer to by ids: links, notes, comments, charts, other documents."""

from collections.abc import Iterator

from pipelines.parse.docx_text import read_paragraph
from pipelines.parse.ooxml import Relation, of_kind
from pipelines.parse.package import Element, Package, attribute, children, local

_NOTES = {"footnote": "footnotes", "endnote": "endnotes", "comment": "comments"}


class Parts:
    """The parts beside the body. A part that is missing or damaged has nothing to say."""

    def __init__(self, package: Package, found: dict[str, Relation]) -> None:
        self.package = package
        self._found = found
        self._notes = {kind: self._by_id(plural, kind) for kind, plural in _NOTES.items()}

    def note(self, kind: str, note_id: str) -> str:
        """The text of a footnote, endnote or comment, with its author."""
        element = self._notes[kind].get(note_id)
        if element is None:
            return ""
        text = " ".join(plain(element).split())
        author = attribute(element, "author") if kind == "comment" else None
        return f"{author}: {text}" if author and text else text

    def url(self, relation_id: str | None) -> str:
        """Where a link leads to; empty for places in the document itself."""
        found = self._found.get(relation_id or "")
        return found.target if found is not None and found.external else ""

    def linked(self, relation_id: str | None) -> str | None:
        """The name of the part that an id leads to, if it is there."""
        found = self._found.get(relation_id or "")
        return found.target if found is not None and found.target in self.package.names else None

    def headers_and_footers(self) -> Iterator[str]:
        """Their texts, each once; page numbers alone tell nothing."""
        told: set[str] = set()
        for kind, name in (("header", "Header"), ("footer", "Footer")):
            for part in dict.fromkeys(of_kind(self._found, kind)):
                root = self.package.xml_if_there(part)
                text = "" if root is None else " ".join(plain(root).split())
                if any(char.isalpha() for char in text.lower().replace("page", "")) and text not in told:
                    told.add(text)
                    yield f"{name}: {text}"

    def _by_id(self, kind: str, name: str) -> dict[str, Element]:
        root = self.package.xml_if_there(next(iter(of_kind(self._found, kind)), None))
        return {attribute(one, "id") or "": one for one in children(root, name)}


def plain(element: Element) -> str:
    """The text of all paragraphs in an element, one on each line."""
    texts = [read_paragraph(one).text for one in element.iter() if local(one) == "p" and not _in_fallback(one)]
    return "\n".join(text for text in texts if text.strip())


def _in_fallback(element: Element) -> bool:
    return any(local(one) == "Fallback" for one in element.iterancestors())
