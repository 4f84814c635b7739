"""Whatever goes in, what comes out can be stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.parse.clean import clean, clean_line

ANYTHING = st.text(alphabet=st.characters(categories=None))


@given(ANYTHING)
def test_cleaned_text_is_storable(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert not any((ord(char) < 32 and char not in "\n\t") or 0x7F <= ord(char) < 0xA0 for char in cleaned)
    assert not any(ord(char) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(char) <= 0xFDEF for char in cleaned)


@given(ANYTHING)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cn", "Cs", "Zl", "Zp"], exclude_characters="\ufeff")))
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\r\nb\rc\x0bd\x0ce\x85f\u2028g", "a\nb\nc\nd\ne\nf\ng"),
        ("a\x00b\x1bc\x7fd\ufeffe\ufffef", "abcdef"),
        ("\ud83d\ude00 \ud83d", "\U0001f600 \ufffd"),
        ("\ttab\n", "\ttab\n"),
    ],
)
def test_examples(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_a_line() -> None:
    assert clean_line("  a\r\n b\x00 " + "c" * 10_000, limit=10) == "a b cccccc"
