"""Jobs of documents inside documents"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("members", sa.BigInteger(), nullable=True))
    op.add_column("jobs", sa.Column("parent", sa.Uuid(), nullable=True))
    op.add_column("jobs", sa.Column("depth", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("jobs", sa.Column("member", sa.Text(), nullable=True))
    op.create_foreign_key(op.f("fk_jobs_parent"), "jobs", "jobs", ["parent"], ["id"], ondelete="SET NULL")
    where = sa.text("parent is not null")
    op.create_index("ix_jobs_parent", "jobs", ["parent", "member"], unique=True, postgresql_where=where)


def downgrade() -> None:
    op.drop_index("ix_jobs_parent", table_name="jobs", postgresql_where=sa.text("parent is not null"))
    op.drop_constraint(op.f("fk_jobs_parent"), "jobs", type_="foreignkey")
    for column in ("member", "depth", "parent"):
        op.drop_column("jobs", column)
    op.drop_column("documents", "members")
