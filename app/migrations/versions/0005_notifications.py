"""Notifications: attempts, breakers, subscribers, batches, alerts"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB
NOW = sa.text("now()")


def _time(name: str, *, nullable: bool = True, default: sa.TextClause | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def upgrade() -> None:
    _deliveries()
    _batches()
    _alerts()


def _deliveries() -> None:
    op.alter_column("deliveries", "job_id", nullable=True)
    op.add_column("deliveries", sa.Column("line", sa.Text()))
    op.add_column("deliveries", sa.Column("direct", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index(
        "ix_deliveries_direct", "deliveries", ["due_at"], postgresql_where=sa.text("direct and status = 'pending'")
    )
    op.create_index("ix_deliveries_target", "deliveries", ["target"], postgresql_where=sa.text("status = 'pending'"))
    op.create_table(
        "delivery_attempts",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        _time("at", nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("status_code", sa.BigInteger()),
        sa.Column("answer", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["deliveries.id"],
            name=op.f("fk_delivery_attempts_delivery_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_delivery_attempts")),
    )
    op.create_table(
        "receivers",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        _time("rests_until"),
        sa.Column("error", sa.Text()),
        _time("failed_at"),
        _time("answered_at"),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_receivers")),
    )
    op.create_table(
        "subscriptions",
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event", "collection", "target", name=op.f("pk_subscriptions")),
    )


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("notify", JSONB(), server_default="[]", nullable=False),
        _time("created_at", nullable=False, default=NOW),
        _time("finished_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index("ix_batches_open", "batches", ["id"], postgresql_where=sa.text("finished_at is null"))
    op.add_column("jobs", sa.Column("batch_id", sa.Uuid()))
    op.create_foreign_key(op.f("fk_jobs_batch_id"), "jobs", "batches", ["batch_id"], ["id"], ondelete="SET NULL")
    op.create_index("ix_jobs_batch", "jobs", ["batch_id"], postgresql_where=sa.text("batch_id is not null"))


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        _time("since", nullable=False, default=NOW),
        _time("seen_at", nullable=False, default=NOW),
        _time("told_at"),
        _time("cleared_at"),
        sa.PrimaryKeyConstraint("rule", "subject", name=op.f("pk_alerts")),
    )
    op.create_table(
        "silences",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        _time("until", nullable=False),
        _time("created_at", nullable=False, default=NOW),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
    )


def downgrade() -> None:
    op.drop_table("silences")
    op.drop_table("alerts")
    op.drop_index("ix_jobs_batch", table_name="jobs")
    op.drop_constraint(op.f("fk_jobs_batch_id"), "jobs", type_="foreignkey")
    op.drop_column("jobs", "batch_id")
    op.drop_table("batches")
    op.drop_table("subscriptions")
    op.drop_table("receivers")
    op.drop_table("delivery_attempts")
    op.drop_index("ix_deliveries_target", table_name="deliveries")
    op.drop_index("ix_deliveries_direct", table_name="deliveries")
    op.execute("delete from deliveries where job_id is null")
    op.drop_column("deliveries", "direct")
    op.drop_column("deliveries", "line")
    op.alter_column("deliveries", "job_id", nullable=False)
