"""Words of chunks, for searching by them, and an index on the metadata of documents."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FOLDED = r"""
    create function docrelay_folded(value text) returns text
    language sql immutable strict parallel safe
    return regexp_replace(
        normalize(regexp_replace(normalize(value, nfkd), '[\u0300-\u036f]', '', 'g'), nfc),
        '([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])', ' \1 ', 'g'
    )
"""
WORDS = """
    create function docrelay_words(value text) returns tsvector
    language sql immutable strict parallel safe
    return to_tsvector('pg_catalog.english', docrelay_folded(value))
"""
PHRASE = """
    create function docrelay_phrase(value text) returns tsquery
    language sql immutable strict parallel safe
    return phraseto_tsquery('pg_catalog.english', docrelay_folded(value))
"""


def upgrade() -> None:
    """Add them; existing chunks are rewritten once."""
    for function in (FOLDED, WORDS, PHRASE):
        op.execute(function)
    op.execute(
        "alter table chunks add column words tsvector "
        "generated always as (docrelay_words(coalesce(heading, '') || ' ' || text)) stored not null"
    )
    op.create_index("ix_chunks_words", "chunks", ["words"], postgresql_using="gin")
    op.create_index(
        "ix_documents_metadata",
        "documents",
        ["metadata"],
        postgresql_using="gin",
        postgresql_ops={"metadata": "jsonb_path_ops"},
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_index("ix_documents_metadata", "documents")
    op.drop_index("ix_chunks_words", "chunks")
    op.drop_column("chunks", "words")
    for function in ("docrelay_phrase", "docrelay_words", "docrelay_folded"):
        op.execute(f"drop function {function}(text)")
