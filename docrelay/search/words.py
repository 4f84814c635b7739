"""By words: the passages that hold the query's words, ranked by BM25.

Words are what the SQL function `docrelay_words` makes of a text: folded to one form, without accents, stemmed as
English (which does little harm to other languages, as queries pass through the same), one word for each CJK character.

The score is Okapi BM25, with idf as in Lucene (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009):
sum over words of ln(1 + (N - df + 0.5) / (df + 0.5)) * tf * (K1 + 1) / (tf + K1 * (1 - B + B * length / mean length)),
with length in the model's tokens and its mean over the passages that are scored.
"""

import math
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Float, and_, case, cast, func, literal, not_, or_, select, text
from sqlalchemy.dialects.postgresql import TSQUERY

from docrelay import tables as t
from docrelay.database import storable
from docrelay.search.filters import Filters

K1 = 1.2
B = 0.75

COMMON = 20_000
"""A word that is in more passages than this chooses none: it only ranks those that a rarer word has chosen."""

SCORED = 500
"""So many passages, those with the weightiest words, get their exact score."""

_PHRASE = re.compile(r'(-?)"([^"]*)"')
_EXCLUDED = re.compile(r"(?<!\S)-(\w\S*)")

FREQUENCIES = """
    select word, (select count(*) from (
        select 1 from chunks where words @@ cast(quote_literal(word) as tsquery) limit :common
    ) found)
    from unnest(tsvector_to_array(docrelay_words(:query))) word
"""
PASSAGES = "select greatest(reltuples, 1) from pg_class where oid = 'chunks'::regclass"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A query for words: any of them, all of the phrases, none of the excluded."""

    any: str
    phrases: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)


def read_query(query: str) -> Wanted:
    """A query as people type it: words, "exact phrases", and -words or -"phrases" that must not be there."""
    phrases: list[str] = []
    excluded: list[str] = []

    def take_phrase(match: re.Match[str]) -> str:
        (excluded if match[1] else phrases).append(match[2])
        return " "

    def take_word(match: re.Match[str]) -> str:
        excluded.append(match[1])
        return " "

    rest = _EXCLUDED.sub(take_word, _PHRASE.sub(take_phrase, storable(query)))
    return Wanted(" ".join([rest, *phrases]), phrases, excluded)


def matching(
    connection: Connection, generation: int, query: str, filters: Filters, *, limit: int
) -> list[tuple[uuid.UUID, float]]:
    """The ids of the generation's passages that hold the query's words, with their BM25 scores, best first.

    Empty if the query has no word, or none but English stop words.
    """
    wanted = read_query(query)
    frequencies = _frequencies(connection, wanted.any)
    if not frequencies:
        return []
    passages = max(connection.execute(text(PASSAGES)).scalar_one(), *frequencies.values())
    weights = {word: math.log(1 + (passages - df + 0.5) / (df + 0.5)) for word, df in frequencies.items()}
    # How common a word is, is counted in all generations: one that is built beside this one changes both numbers alike.
    conditions = [t.Chunk.generation == generation, _chosen(frequencies), *_required(wanted), *filters.conditions()]
    return _ranked(connection, weights, conditions, limit)


def _frequencies(connection: Connection, query: str) -> dict[str, int]:
    """The words of a query that occur at all, and in how many passages, counted no further than `COMMON`."""
    rows = connection.execute(text(FREQUENCIES), {"query": query, "common": COMMON})
    return {word: count for word, count in rows if count}


def _has(word: str) -> ColumnElement[bool]:
    return t.Chunk.words.bool_op("@@")(cast(func.quote_literal(word), TSQUERY))


def _chosen(frequencies: dict[str, int]) -> ColumnElement[bool]:
    rare = [word for word, df in frequencies.items() if df < COMMON]
    return or_(*map(_has, rare)) if rare else and_(*map(_has, frequencies))


def _required(wanted: Wanted) -> list[ColumnElement[bool]]:
    def phrase(words: str) -> ColumnElement[bool]:
        return t.Chunk.words.bool_op("@@")(func.docrelay_phrase(words))

    return [*map(phrase, wanted.phrases), *(not_(phrase(words)) for words in wanted.excluded)]


def _ranked(
    connection: Connection, weights: dict[str, float], conditions: list[ColumnElement[bool]], limit: int
) -> list[tuple[uuid.UUID, float]]:
    weight: Any = sum((case((_has(word), value), else_=0.0) for word, value in weights.items()), literal(0.0))
    best = (
        select(t.Chunk.id, t.Chunk.words, t.Chunk.tokens)
        .join(t.Document, t.Document.id == t.Chunk.document_id)
        .where(*conditions)
        .order_by(weight.desc(), t.Chunk.tokens, t.Chunk.id)
        .limit(max(SCORED, limit))
        .cte("best")
        .prefix_with("materialized")
    )
    length = cast(best.c.tokens, Float) / select(cast(func.avg(best.c.tokens), Float)).scalar_subquery()
    held = func.unnest(best.c.words).table_valued("lexeme", "positions", name="held").lateral()
    frequency = cast(func.cardinality(held.c.positions), Float)
    idf = case(weights, value=held.c.lexeme, else_=0.0)
    score = func.sum(idf * frequency * (K1 + 1) / (frequency + K1 * (1 - B + B * length)))
    statement = (
        select(best.c.id, score.label("score"))
        .select_from(best)
        .join(held, held.c.lexeme.in_(list(weights)))
        .group_by(best.c.id)
        .order_by(score.desc(), best.c.id)
        .limit(limit)
    )
    return [(row.id, row.score) for row in connection.execute(statement)]
