"""Runs the revisions a database lacks, each in its own transaction, on the connection given."""

from alembic import context

from connector.mirror.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,  # true of SQLite once BEGIN is said before the first statement
    transaction_per_migration=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
