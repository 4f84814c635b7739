"""Where a passage matches the words of a query."""

import re

from sqlalchemy import Connection, text

from docrelay.search.words import read_query

START, STOP = "\x02", "\x03"
OPTIONS = f"HighlightAll=true, StartSel={START}, StopSel={STOP}"

MARKED = """
    select ts_headline('pg_catalog.english', passage, to_tsquery('pg_catalog.english', :query), :options)
    from unnest(cast(:passages as text[])) with ordinality as p (passage, place) order by place
"""
_WORD = re.compile(r"\w+")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")


def highlights(connection: Connection, query: str, passages: list[str]) -> list[tuple[tuple[int, int], ...]]:
    """For each passage the spans (start and end in characters) that match a word of the query, in order."""
    words = read_query(query).any
    terms = " | ".join(f"'{word}'" for word in dict.fromkeys(_WORD.findall(words)))
    if not terms:
        return [()] * len(passages)
    clean = [passage.replace(START, " ").replace(STOP, " ") for passage in passages]
    marked = connection.scalars(text(MARKED), {"query": terms, "options": OPTIONS, "passages": clean}).all()
    runs = _CJK.findall(words)
    return [tuple(sorted({*_spans(text), *_found(runs, text)})) for text in marked]


def _spans(marked: str) -> list[tuple[int, int]]:
    """The marked spans, in the text without its marks."""
    pieces = re.split(f"[{START}{STOP}]", marked)
    spans = []
    position = 0
    for number, piece in enumerate(pieces):
        if number % 2:
            spans.append((position, position + len(piece)))
        position += len(piece)
    return spans


def _found(runs: list[str], marked: str) -> list[tuple[int, int]]:
    """Characters that Postgres takes for parts of one long word are searched as they are."""
    passage = marked.replace(START, "").replace(STOP, "")
    return [match.span() for run in runs for match in re.finditer(re.escape(run), passage)]
