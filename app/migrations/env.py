"""Run by Alembic, inside the connection that `upgrade` gives it."""

from alembic import context

from docrelay.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
