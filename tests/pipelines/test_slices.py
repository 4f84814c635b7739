"""Reading a long document in several calls gives what reading it in one gives."""

from collections.abc import Callable
from io import BytesIO

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import FreeText, Link

from pipelines.documents import ParsedDocument, Slice
from pipelines.parse import Paused, Slices, by_pdfium, parse, slices
from pipelines.parse.parser import Report
from pipelines.parse.pdf_lines import Lines
from pipelines.parse.pdf_slice import Read

MakePdf = Callable[..., bytes]
PAGES = 24


class Clock:
    """Goes on by a second whenever it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(slices, "time", made)
    return made


@pytest.fixture
def paper(make_pdf: MakePdf) -> bytes:
    """With running headers, words divided between pages, links, comments, attached files and an outline."""
    texts = [
        f"The annual report\n\nOn sheet {n} there is some-\nthing else, which is told in {n * 3} words.\n\nPage {n + 1}"
        for n in range(PAGES)
    ]
    writer = PdfWriter(clone_from=PdfReader(BytesIO(make_pdf(*texts, title="A paper"))))
    for number in range(0, PAGES, 3):
        writer.add_annotation(number, Link(rect=(10, 10, 50, 50), url=f"https://example.org/{number % 2}"))
        writer.add_annotation(number, FreeText(text=f"Is {number} right?", rect=(50, 50, 200, 90)))
        writer.add_outline_item(title=f"Part {number}", page_number=number)
    writer.add_attachment("notes.txt", b"Attached.")
    data = BytesIO()
    writer.write(data)
    return data.getvalue()


def in_slices(
    data: bytes, seconds: float, report: Report = lambda done, total: None
) -> tuple[ParsedDocument, list[Slice]]:
    kept: list[Slice] = []
    while True:
        try:
            return parse(data, "paper.pdf", slices=Slices(kept, seconds), report=report), kept
        except Paused as paused:
            kept.append(paused.slice)


@pytest.mark.parametrize("seconds", [0, 6, 9, 1000])
def test_slices_change_nothing(paper: bytes, seconds: float) -> None:
    whole = parse(paper, "paper.pdf")
    reported: list[tuple[int, int]] = []
    document, kept = in_slices(paper, seconds, lambda done, total: reported.append((done, total)))
    assert document == whole
    assert whole.metadata["links"].split() == ["https://example.org/0", "https://example.org/1"]
    assert [member.name for member in whole.members] == ["notes.txt"]
    assert reported == [(n + 1, PAGES) for n in range(PAGES)]
    assert [each.start for each in kept] == [0, *(each.until for each in kept)][:-1]
    assert (len(kept) > 1) == (seconds < 1000)


def test_opening_again_is_a_fifth_at_most(clock: Clock) -> None:
    """A slice lasts as long as it is told to, or four times as long as it took to begin."""
    quick = Slices([], 5)
    quick.begin()
    clock.now += 4
    assert not quick.over()
    assert quick.over()
    slow = Slices([], 5)
    clock.now += 10
    slow.begin()
    clock.now += 40
    assert not slow.over()
    clock.now += 5
    assert slow.over()


def test_pages_that_cannot_be_read_are_told_once(paper: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever slice they are in."""
    read = by_pdfium._page

    def page(document: object, fields: object, index: int, reader: object) -> Lines:
        if index % 5 == 1:
            raise ValueError(f"no {index}")
        return read(document, fields, index, reader)  # type: ignore[arg-type]

    monkeypatch.setattr(by_pdfium, "_page", page)
    document, kept = in_slices(paper, 0)
    assert len(kept) > 3
    told = [(problem.number, problem.message) for problem in document.problems]
    assert told == [(index + 1, f"no {index}") for index in range(1, PAGES, 5)]
    assert document == parse(paper, "paper.pdf")


def test_halves_of_characters_are_kept() -> None:
    """pdfium gives them where a font's tables are wrong; they are no UTF-8."""
    before, after = Read(lines_left=7, until=3), Read()
    before.lines = {0: Lines(["whole"]), 2: Lines(["half \ud83d"], over=["\udc00"])}
    before.lines[2].add("second", 1.5, 2.25, 12.0)
    after.add(before.since(0))
    assert after == before
    later = before.since(1)
    assert (later.start, later.until) == (1, 3)
    after = Read()
    after.add(later)
    assert list(after.lines) == [2]
