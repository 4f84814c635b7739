"""Generations of the index: which model search uses is a row, and a new one can be built beside it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATUS = "status in ('building', 'active', 'retired', 'aborted', 'removed')"


def upgrade() -> None:
    """What there is becomes the first generation; chunks get a new primary key, but are not rewritten."""
    op.create_table(
        "generations",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("arithmetic", sa.Text(), nullable=False),
        sa.Column("model_id", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("fed_until", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("switched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(STATUS, name=op.f("ck_generations_status")),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_generations_model_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generations")),
    )
    for status in ("active", "building"):
        where = sa.text(f"status = '{status}'")
        op.create_index(f"ix_generations_{status}", "generations", ["status"], unique=True, postgresql_where=where)
    op.execute(
        "insert into generations (arithmetic, model_id, status, switched_at) "
        "select 'auto', (select max(id) from models), 'active', now()"
    )
    op.add_column("chunks", sa.Column("generation", sa.BigInteger(), server_default="1", nullable=False))
    op.alter_column("chunks", "generation", server_default=None)
    op.drop_constraint(op.f("pk_chunks"), "chunks")
    op.create_primary_key(op.f("pk_chunks"), "chunks", ["generation", "id"])
    op.drop_constraint(op.f("uq_chunks_document_id_ordinal"), "chunks")
    op.create_unique_constraint(
        op.f("uq_chunks_document_id_generation_ordinal"), "chunks", ["document_id", "generation", "ordinal"]
    )
    made = sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
    op.add_column("embeddings", made)
    # The model is no part of what makes jobs identical any more: a switch re-embeds every document.
    op.execute("update jobs set fingerprint = regexp_replace(fingerprint, ', model .*?(?=, ocr |$)', '')")


def downgrade() -> None:
    op.drop_column("embeddings", "created_at")
    op.execute("delete from chunks where generation <> (select id from generations where status = 'active')")
    op.drop_constraint(op.f("uq_chunks_document_id_generation_ordinal"), "chunks")
    op.create_unique_constraint(op.f("uq_chunks_document_id_ordinal"), "chunks", ["document_id", "ordinal"])
    op.drop_constraint(op.f("pk_chunks"), "chunks")
    op.create_primary_key(op.f("pk_chunks"), "chunks", ["id"])
    op.drop_column("chunks", "generation")
    op.drop_table("generations")
