"""Recurring jobs: entries, ledger, what syncs have seen; jobs held until a time"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON = postgresql.JSONB(astext_type=sa.Text())
NOW = sa.text("now()")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("not_before", MOMENT, nullable=True))
    op.create_index(
        "ix_jobs_held",
        "jobs",
        ["not_before"],
        postgresql_where=sa.text("status = 'queued' and not_before is not null"),
    )
    _entries()
    _runs()
    _sync_items()


def _entries() -> None:
    op.create_table(
        "schedule_entries",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("entry", JSON, nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("present", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("handled_until", MOMENT, server_default=NOW, nullable=False),
        sa.Column("next_at", MOMENT, nullable=True),
        sa.Column("paused_at", MOMENT, nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("paused_because", sa.Text(), nullable=True),
        sa.Column("rehearsed_at", MOMENT, nullable=True),
        sa.Column("rehearsed_form", sa.Text(), nullable=True),
        sa.Column("rehearsal_ok", sa.Boolean(), nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_schedule_entries")),
    )
    op.create_table(
        "schedule_state",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("leader", sa.Text(), nullable=False),
        sa.Column("led_since", MOMENT, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("loaded_at", MOMENT, nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("problem_at", MOMENT, nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_schedule_state_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_state")),
    )


def _runs() -> None:
    for column in (
        sa.Column("kind", sa.Text(), server_default="schedule", nullable=False),
        sa.Column("times", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("caught_up", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("form", sa.Text(), nullable=True),
        sa.Column("task", sa.Text(), nullable=True),
        sa.Column("arguments", JSON, server_default="{}", nullable=False),
        sa.Column("who", sa.Text(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("recorded_at", MOMENT, server_default=NOW, nullable=False),
    ):
        op.add_column("schedule_runs", column)
    op.alter_column("schedule_runs", "started_at", nullable=True, server_default=None)
    # What was under way then was no job, so nobody can say any more how it ended.
    op.execute("update schedule_runs set outcome = 'unknown' where outcome is null")
    op.create_foreign_key(
        op.f("fk_schedule_runs_job_id"), "schedule_runs", "jobs", ["job_id"], ["id"], ondelete="SET NULL"
    )
    op.drop_constraint("uq_schedule_runs_entry_due_at", "schedule_runs")
    op.create_unique_constraint("uq_schedule_runs_entry_kind_due_at", "schedule_runs", ["entry", "kind", "due_at"])
    op.create_index("ix_schedule_runs_entry_due", "schedule_runs", ["entry", "due_at"])
    op.create_index("ix_schedule_runs_job", "schedule_runs", ["job_id"])
    op.create_index("ix_schedule_runs_open", "schedule_runs", ["entry"], postgresql_where=sa.text("outcome is null"))
    op.create_table(
        "schedule_made",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["schedule_runs.id"], name=op.f("fk_schedule_made_run_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_schedule_made_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "job_id", name=op.f("pk_schedule_made")),
    )
    op.create_index("ix_schedule_made_job", "schedule_made", ["job_id"])


def _sync_items() -> None:
    op.create_table(
        "sync_items",
        sa.Column("sync", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("taken_at", MOMENT, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_sync_items_document_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("sync", "path", name=op.f("pk_sync_items")),
    )
    op.create_index("ix_sync_items_document", "sync_items", ["document_id"])


def downgrade() -> None:
    op.drop_table("sync_items")
    op.drop_table("schedule_made")
    op.drop_table("schedule_state")
    op.drop_table("schedule_entries")
    op.execute("delete from schedule_runs where kind <> 'schedule' or started_at is null")
    op.drop_constraint("uq_schedule_runs_entry_kind_due_at", "schedule_runs")
    for index in ("ix_schedule_runs_entry_due", "ix_schedule_runs_job", "ix_schedule_runs_open"):
        op.drop_index(index, table_name="schedule_runs")
    op.create_unique_constraint("uq_schedule_runs_entry_due_at", "schedule_runs", ["entry", "due_at"])
    op.alter_column("schedule_runs", "started_at", nullable=False, server_default=NOW)
    for column in ("kind", "times", "caught_up", "form", "task", "arguments", "who", "job_id", "sent_at", "expires_at",
                   "reason", "recorded_at"):  # fmt: skip
        op.drop_column("schedule_runs", column)
    op.drop_index("ix_jobs_held", table_name="jobs")
    op.drop_column("jobs", "not_before")
