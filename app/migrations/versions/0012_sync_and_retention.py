"""What a sync may remove, and bytes that retention has let go"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sync_items", sa.Column("owned", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("contents", sa.Column("let_go_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("contents", "let_go_at")
    op.drop_column("sync_items", "owned")
