"""Decisions with a code and somebody who sees to them; early-payment discount of an invoice.

Revision: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for name, default in (("code", ""), ("owner", ""), ("noted", "[]")):
        op.add_column(
            "decision", sa.Column(name, sa.Text(), nullable=False, server_default=default)
        )
    op.add_column("invoice", sa.Column("discount_until", sa.Text(), nullable=True))
    op.add_column(
        "invoice", sa.Column("discount", sa.Integer(), nullable=False, server_default="0")
    )
