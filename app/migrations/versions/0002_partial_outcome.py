"""Partial outcome"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BEFORE = "'queued', 'running', 'succeeded', 'no_text', 'failed', 'quarantined', 'cancelled'"
AFTER = "'queued', 'running', 'succeeded', 'partial', 'no_text', 'failed', 'quarantined', 'cancelled'"


def upgrade() -> None:
    op.add_column("stage_runs", sa.Column("verdict", sa.Text(), nullable=True))
    _check(AFTER)


def downgrade() -> None:
    op.execute("update jobs set status = 'succeeded' where status = 'partial'")
    _check(BEFORE)
    op.drop_column("stage_runs", "verdict")


def _check(statuses: str) -> None:
    op.drop_constraint(op.f("ck_jobs_status"), "jobs", type_="check")
    op.create_check_constraint(op.f("ck_jobs_status"), "jobs", f"status in ({statuses})")
