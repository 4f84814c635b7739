"""The values that travel between the stages; plain fields only, so that msgspec can encode them."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Page:
    """One page of text; ``number`` counts from 1, ``label`` is what is printed on it when that differs."""

    number: int
    label: str | None
    text: str


@dataclass(frozen=True, slots=True)
class PageProblem:
    """A page that could not be read, while the rest of its document could."""

    number: int
    message: str


@dataclass(frozen=True, slots=True)
class Member:
    """A document inside a document: a file in an archive, an attachment of a mail.

    ``name`` is its last part alone and safe as a file name, ``path`` where it stood in its container, for people to
    read and never to open. ``media_type`` is what the container says of it, or None; parsing decides by the bytes.
    """

    name: str
    path: str
    media_type: str | None
    data: bytes


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What parsing found. ``page_count`` counts the pages with problems too; ``notes`` are sentences for people.

    ``members`` are the documents inside this one, to be parsed by themselves; its own pages list them. ``scanned`` are
    the numbers of pages that are pictures: they have no text as long as OCR has not read them.
    """

    media_type: str
    page_count: int
    pages: list[Page]
    problems: list[PageProblem]
    metadata: dict[str, str]
    notes: list[str]
    members: list[Member] = field(default_factory=list)
    scanned: list[int] = field(default_factory=list)

    @property
    def has_text(self) -> bool:
        """Whether any page holds something else than whitespace."""
        return any(page.text and not page.text.isspace() for page in self.pages)


@dataclass(frozen=True, slots=True)
class Slice:
    """What one call has read of a long document: its pages from index ``start`` to before ``until``.

    ``data`` is for the parser that made it alone.
    """

    start: int
    until: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """What one call of the parser has read: the document, or a slice of it where it is long."""

    document: ParsedDocument | None = None
    slice: Slice | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of a document that is embedded as one.

    ``start`` is an offset in the text of page ``page_first``, ``end`` one in that of ``page_last``. ``text`` is exactly
    what the span holds when it lies on one page; across pages, the pieces are stripped and joined with a newline
    (``pipelines.chunk.span_text`` finds it again). ``tokens`` counts the model's special tokens too.
    """

    ordinal: int
    page_first: int
    page_last: int
    start: int
    end: int
    heading: str | None
    tokens: int
    text: str
