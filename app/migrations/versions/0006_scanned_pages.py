"""Pages that are pictures, and the text that was recognised in them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    scanned = postgresql.JSONB(astext_type=sa.Text())
    op.add_column("documents", sa.Column("scanned", scanned, server_default="[]", nullable=False))
    op.add_column("documents", sa.Column("ocr_by", sa.Text(), nullable=True))
    op.add_column("pages", sa.Column("source", sa.Text(), nullable=True))
    op.add_column("pages", sa.Column("confidence", sa.Double(), nullable=True))


def downgrade() -> None:
    op.drop_column("pages", "confidence")
    op.drop_column("pages", "source")
    op.drop_column("documents", "ocr_by")
    op.drop_column("documents", "scanned")
