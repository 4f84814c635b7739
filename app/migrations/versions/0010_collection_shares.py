"""Weights and caps of collections."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "collection_shares",
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("weight", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("cap", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("weight between 1 and 1000", name=op.f("ck_collection_shares_weight")),
        sa.CheckConstraint("cap >= 1", name=op.f("ck_collection_shares_cap")),
        sa.PrimaryKeyConstraint("collection", name=op.f("pk_collection_shares")),
    )


def downgrade() -> None:
    op.drop_table("collection_shares")
