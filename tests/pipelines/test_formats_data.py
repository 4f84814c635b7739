"""XML, CSV, JSON, notebooks, source code and RTF."""

import json

import pytest

from pipelines.errors import PermanentError
from pipelines.parse import parse


def text_of(data: bytes, name: str) -> str:
    parsed = parse(data, name)
    assert len(parsed.pages) == 1
    return parsed.pages[0].text


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_becomes_a_table(delimiter: str) -> None:
    rows = [["Name", "Größe, cm"], ['"a\nb"', "1"], ["c|d" if delimiter != "|" else "c", "2"]]
    data = "\n".join(delimiter.join(f'"{c}"' if "," in c else c for c in one) for one in rows).encode()
    expected = "| Name | Größe, cm |\n|---|---|\n| a b | 1 |\n"
    assert text_of(data, "a.csv").startswith(expected)


def test_csv_with_an_open_quote_is_kept() -> None:
    data = b'a,b\n"' + b"x,y\n" * 50_000
    parsed = parse(data, "a.csv")
    assert parsed.pages[0].text == data.decode()
    assert "the text was kept as it is" in parsed.notes[0]


def test_json_is_made_readable() -> None:
    assert text_of(b'{"name": "Gr\\u00f6\\u00dfe"}', "a.json") == '{\n "name": "Größe"\n}'
    assert text_of(b'{\n  "a": 1\n}\n', "a.json") == '{\n  "a": 1\n}\n'
    assert len(text_of(json.dumps(list(range(3000))).encode(), "a").splitlines()) == 3002
    assert text_of(b'{"a": "\\u00e4"}\n{"a": 2}\n', "a.jsonl") == '{"a": "ä"}\n{"a": 2}'


def test_broken_json_is_kept_with_a_note() -> None:
    parsed = parse(b'{"a": [1, 2', "a.json")
    assert parsed.pages[0].text == '{"a": [1, 2'
    assert parsed.notes[0].startswith("The text is no regular JSON (")


def test_notebooks() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "Words"]},
        {"cell_type": "code", "source": "x = 1", "outputs": [{"output_type": "stream", "text": ["1\n"]}, 7]},
        "nonsense",
    ]
    book = {"nbformat": 4, "metadata": {"kernelspec": {"language": "python"}}, "cells": cells}
    parsed = parse(json.dumps(book).encode(), "a.ipynb")
    assert parsed.pages[0].text == "# Title\nWords\n\n```python\nx = 1\n```\n\n```\n1\n```"
    assert parsed.metadata == {"programming_language": "python"}
    with pytest.raises(PermanentError, match="no regular JSON"):
        parse(b'{"nbformat": 4, "cells": [', "a.ipynb")


def test_xml_as_prose_and_as_data() -> None:
    prose = "<?xml version='1.0'?><article><title>On <i>Bees</i></title>"
    prose += "<sec><title>One</title><p>They fly.</p></sec></article>"
    parsed = parse(prose.encode(), "a.xml")
    assert parsed.pages[0].text == "# On Bees\n\n## One\n\nThey fly."
    assert parsed.metadata == {"title": "On Bees"}
    data = "<?xml version='1.0'?><list><pump id='7'><price>40</price><name>P</name></pump></list>"
    assert text_of(data.encode("utf-16"), "a.xml") == "- pump: id=7\n- price: 40\n- name: P"


def test_xml_entities_are_not_resolved() -> None:
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{lol}]><x><a>kept</a><b>&l9;</b></x>'
    parsed = parse(bomb.encode(), "a.xml")
    assert "lollol" not in parsed.pages[0].text
    assert parsed.notes
    outside = (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x><a>kept</a><b>&e;</b></x>'
    )
    parsed = parse(outside, "a.xml")
    assert parsed.pages[0].text == "- a: kept"
    assert parsed.notes == ["The file declares entities, which were left alone."]


@pytest.mark.parametrize(
    ("name", "code", "language"),
    [
        ("a.py", "# Not a heading\nx = 1\n", "Python"),
        ("a.rs", "fn main() {}\n", "Rust"),
        ("run", "#!/bin/bash\nls\n", "Bash"),
    ],
)
def test_source_code_is_kept(name: str, code: str, language: str) -> None:
    parsed = parse(code.encode(), name)
    assert parsed.media_type == "text/x-source"
    assert parsed.metadata == {"programming_language": language}
    assert parsed.pages[0].text == code


def test_rtf() -> None:
    data = (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}{\f2\fcharset128 C;}}"
        rb"{\stylesheet{\s1\outlinelevel0 heading 1;}}{\info{\title The title}}"
        rb"\pard\s1 Heading\par\pard Gr\'f6\'dfe \f1\'cf\'f0\'e8 \f2\'93\'fa\'96\'7b\f0  \u8364?5{\v hidden}\par"
        rb"{\*\unknown not shown}{\footnote small}\pard{\listtext\bullet\tab}item\par"
        rb"\pard\intbl a\cell b\cell\row\intbl c\cell d\cell\row\pard "
        rb'{\field{\*\fldinst HYPERLINK "https://example.com/x"}{\fldrslt here}}\par\page next {\bin9999999999 x}'
        rb"}"
    )
    parsed = parse(data, "a.rtf")
    table = "| a | b |\n|---|---|\n| c | d |"
    assert [page.text for page in parsed.pages] == [
        f"# Heading\n\nGröße При 日本 €5\n\n- item\n\n{table}\n\n[here](https://example.com/x)\n\nFootnote: small",
        "next",
    ]
    assert parsed.metadata == {"title": "The title"}


def test_deep_html_takes_no_quadratic_time() -> None:
    parsed = parse(b"<div>" * 100_000 + b"deep" + b"</div>" * 100_000, "a.html")
    assert parsed.pages[0].text == "deep"
    assert parsed.notes == ["Of elements nested deeper than 5,000 only the text was kept."]
