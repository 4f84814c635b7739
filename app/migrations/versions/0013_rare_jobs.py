"""Jobs and notifications of which there are few among very many, found without reading the others"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OPEN = sa.text("batch_id is not null and status in ('queued', 'running')")
BAD = sa.text("status in ('partial', 'no_text', 'failed', 'quarantined', 'cancelled')")
FAILED = sa.text("status = 'failed'")


def upgrade() -> None:
    op.create_index("ix_jobs_batch_unfinished", "jobs", ["batch_id"], postgresql_where=OPEN)
    op.create_index("ix_jobs_went_badly", "jobs", ["status", "id"], postgresql_where=BAD)
    op.create_index("ix_deliveries_failed", "deliveries", ["id"], postgresql_where=FAILED)


def downgrade() -> None:
    op.drop_index("ix_deliveries_failed", table_name="deliveries", postgresql_where=FAILED)
    op.drop_index("ix_jobs_went_badly", table_name="jobs", postgresql_where=BAD)
    op.drop_index("ix_jobs_batch_unfinished", table_name="jobs", postgresql_where=OPEN)
