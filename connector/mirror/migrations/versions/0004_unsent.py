"""Reminders that have not gone are found without an index that each step of each one rewrites.

Revision: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.drop_index("ix_reminder_state", "reminder")
    op.create_index(
        "ix_reminder_unsent", "reminder", ["id"], sqlite_where=sa.text("sent_on IS NULL")
    )
