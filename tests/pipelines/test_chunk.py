"""Chunks: within the window, nothing lost, the same every time, and in linear time."""

import random
import uuid
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.chunk import chunk, chunk_id, span_text, text_hash
from pipelines.documents import Chunk, Page
from pipelines.headings import headings_of
from pipelines.tokens import ModelTokenizer

WORDS = st.sampled_from(
    [
        "the",
        "tenant",
        "Ünïcode",
        "x" * 40,
        "x" * 400,
        "3.14",
        "数据处理",
        "end.",
        "Was it?",
        "。",
        "\n",
        "\n\n",
        "# Head",
        "| a |",
        "\t",
    ]
)
TEXTS = st.one_of(st.lists(WORDS, max_size=120).map(" ".join), st.text(max_size=300))


def pages_of(*texts: str) -> list[Page]:
    return [Page(number, None, text) for number, text in enumerate(texts, start=1)]


def cut(pages: list[Page], tokenizer: ModelTokenizer, window: int = 256, overlap: int = 32) -> list[Chunk]:
    return chunk(pages, tokenizer=tokenizer, window=window, overlap=overlap, media_type="text/markdown")


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, max_size=4), window=st.integers(10, 64), overlap=st.integers(0, 4))
def test_properties(texts: list[str], window: int, overlap: int, tokenizer: ModelTokenizer) -> None:
    pages = pages_of(*texts)
    chunks = cut(pages, tokenizer, window, overlap)
    covered = [[False] * len(text) for text in texts]
    for ordinal, one in enumerate(chunks):
        assert one.ordinal == ordinal
        assert one.text == span_text(pages, one.page_first - 1, one.start, one.page_last - 1, one.end)
        assert one.text == one.text.strip()
        assert one.text
        assert one.tokens <= window
        for page in range(one.page_first - 1, one.page_last):
            first = one.start if page == one.page_first - 1 else 0
            last = one.end if page == one.page_last - 1 else len(texts[page])
            covered[page][first:last] = [True] * (last - first)
    for text, seen in zip(texts, covered, strict=True):
        assert all(done or char.isspace() for char, done in zip(text, seen, strict=True))
    starts = tokenizer.starts([one.text for one in chunks])
    assert all(len(real) + tokenizer.special_tokens <= window for real in starts)
    assert chunks == cut(pages, tokenizer, window, overlap)


def test_small_paragraphs_share_a_chunk(tokenizer: ModelTokenizer) -> None:
    (only,) = cut(pages_of("One.\n\nTwo.", "", "Three."), tokenizer)
    assert only.text == "One.\n\nTwo.\nThree."
    assert (only.page_first, only.start, only.page_last, only.end) == (1, 0, 3, 6)


def test_page_numbers_are_those_of_the_pages(tokenizer: ModelTokenizer) -> None:
    (only,) = cut([Page(7, "v", "text"), Page(9, None, "more")], tokenizer)
    assert (only.page_first, only.page_last) == (7, 9)


def test_cuts_between_paragraphs(tokenizer: ModelTokenizer) -> None:
    paragraphs = [f"Paragraph {n} has some words in it. And then a second sentence." for n in range(30)]
    chunks = cut(pages_of("\n\n".join(paragraphs)), tokenizer, window=64)
    assert all(one.text.startswith("Paragraph") and one.text.endswith("sentence.") for one in chunks)


def test_cuts_between_sentences_without_overlap(tokenizer: ModelTokenizer) -> None:
    text = " ".join(f"Sentence number {n} says something about {n * 7}." for n in range(60))
    chunks = cut(pages_of(text), tokenizer, window=64)
    assert " ".join(one.text for one in chunks) == text


def test_running_text_overlaps(tokenizer: ModelTokenizer) -> None:
    chunks = cut(pages_of(" ".join(f"word{n}" for n in range(300))), tokenizer, window=128, overlap=20)
    for before, after in pairwise(chunks):
        assert after.start < before.end
        assert len(tokenizer.starts([chunks[0].text[: before.end - after.start]])[0]) <= 32
    without = cut(pages_of(" ".join(f"word{n}" for n in range(300))), tokenizer, window=128, overlap=0)
    assert all(after.start >= before.end for before, after in pairwise(without))


def test_an_edit_changes_the_chunks_around_it_only(tokenizer: ModelTokenizer) -> None:
    """Of 40 edits of a document of 100 pages without a heading, most cost a chunk or two, and none many."""
    dice = random.Random(1)
    words = "river contract pressure evening valve notice garden machine window letter harbour season".split()

    def paragraph() -> str:
        sentences = (" ".join(dice.choices(words, k=dice.randint(5, 18))) for _ in range(dice.randint(2, 6)))
        return " ".join(f"{sentence.capitalize()}." for sentence in sentences)

    pages = [[paragraph() for _ in range(6)] for _ in range(100)]

    def hashes() -> set[bytes]:
        chunks = cut(pages_of(*("\n\n".join(page) for page in pages)), tokenizer, window=256)
        return {text_hash(one.text) for one in chunks}

    before, changed = hashes(), []
    for number in range(40):
        page = pages[dice.randrange(100)]
        place, old = dice.randrange(6), list(page)
        page[place : place + number % 2] = ["A paragraph of another length. It has a second sentence."]
        changed.append(len(hashes() - before))
        page[:] = old
    assert len(before) > 100
    assert sum(changed) / len(changed) < 2
    assert sum(count <= 3 for count in changed) >= 36
    assert max(changed) <= 12


def test_headings_start_chunks_and_name_them(tokenizer: ModelTokenizer) -> None:
    body = "Some words that fill the section. " * 6
    text = f"# One\n\n{body}\n\n## Two\n\n{body}\n\nThree\n-----\n\n{body}\n\n```\n# no heading\n```\n"
    chunks = cut(pages_of(text), tokenizer, window=64)
    assert [one.heading for one in chunks] == ["One", "Two", "Three"]
    assert chunks[1].text.startswith("## Two\n\nSome")


def test_headings_only_where_the_format_has_them() -> None:
    assert headings_of("# x\n", "text/plain") == {}
    assert headings_of("a\n # x #\n", "text/markdown") == {3: "x"}


@pytest.mark.parametrize(
    "text",
    [
        "word " * 60_000,
        "x" * 300_000,
        "数" * 60_000,
        "\n".join(f"| {n} | name {n} | {n * 3} |" for n in range(10_000)),
        "#" * 200_000,
        "\n " * 100_000,
        "a." * 100_000,
        " " * 200_000 + "end",
    ],
    ids=["line", "word", "cjk", "table", "hashes", "blank", "dots", "spaces"],
)
def test_giants_take_linear_time(text: str, tokenizer: ModelTokenizer) -> None:
    def seconds(part: str) -> float:
        started = process_time()
        chunks = cut(pages_of(part), tokenizer)
        assert all(len(one.text) <= 16 * 256 and one.tokens <= 256 for one in chunks)
        return process_time() - started

    half = seconds(text[: len(text) // 2])
    assert seconds(text) < 4 * half + 0.5


def test_little_is_embedded_twice(tokenizer: ModelTokenizer) -> None:
    line = "The quick brown fox jumps over the lazy dog, and then it goes home to sleep for a while. "
    pages = pages_of(*(line * 12 + "\n\n" + line * 5 for _ in range(20)))
    tokens = sum(map(len, tokenizer.starts([page.text for page in pages])))
    assert sum(one.tokens for one in cut(pages, tokenizer)) <= 1.05 * tokens


@pytest.mark.parametrize(("window", "overlap"), [(4, 0), (64, 62), (64, -1)])
def test_windows_that_cannot_be(window: int, overlap: int, tokenizer: ModelTokenizer) -> None:
    with pytest.raises(ValueError, match="leaves no room"):
        cut(pages_of("text"), tokenizer, window, overlap)


def test_ids_are_stable_and_distinct() -> None:
    one = chunk_id("doc", 0, "text")
    assert one == chunk_id("doc", 0, "text") == str(uuid.UUID(one))
    assert len({one, chunk_id("doc", 1, "text"), chunk_id("doc", 0, "other"), chunk_id("cod", 0, "text")}) == 4


def test_hash_sees_what_the_model_sees() -> None:
    assert text_hash("cafe\u0301  au\nlait ") == text_hash("café au lait")
    assert text_hash("a b") != text_hash("ab")
    assert len(text_hash("")) == 32
