"""SQL functions that columns are computed with. Migrations have their own copies, which never change."""

from sqlalchemy import DDL, MetaData, event

# Without accents, and CJK characters apart: Postgres takes a row of them for one long word.
FOLDED = r"""
    create or replace function docrelay_folded(value text) returns text
    language sql immutable strict parallel safe
    return regexp_replace(
        normalize(regexp_replace(normalize(value, nfkd), '[\u0300-\u036f]', '', 'g'), nfc),
        '([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])', ' \1 ', 'g'
    )
"""
WORDS = """
    create or replace function docrelay_words(value text) returns tsvector
    language sql immutable strict parallel safe
    return to_tsvector('pg_catalog.english', docrelay_folded(value))
"""
PHRASE = """
    create or replace function docrelay_phrase(value text) returns tsquery
    language sql immutable strict parallel safe
    return phraseto_tsquery('pg_catalog.english', docrelay_folded(value))
"""


def attach(metadata: MetaData) -> None:
    """Let the functions be created before the tables are."""
    for function in (FOLDED, WORDS, PHRASE):
        event.listen(metadata, "before_create", DDL(function))  # type: ignore[no-untyped-call]
