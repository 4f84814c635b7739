"""Unfinished jobs by collection, so that those of one can be counted without reading the others."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UNFINISHED = sa.text("status in ('queued', 'running')")


def upgrade() -> None:
    """In place of the one by id: each change of a job's status writes it."""
    op.drop_index("ix_jobs_unfinished", "jobs")
    op.create_index("ix_jobs_unfinished", "jobs", ["collection", "id"], postgresql_where=UNFINISHED)


def downgrade() -> None:
    """The other way round."""
    op.drop_index("ix_jobs_unfinished", "jobs")
    op.create_index("ix_jobs_unfinished", "jobs", ["id"], postgresql_where=UNFINISHED)
