"""The first schema: the mirror, the outbox, and the record of the runs.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _integers(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=nullable) for name in names]


def _table(name: str, *parts: sa.schema.SchemaItem, key: str = "id") -> None:
    primary = sa.PrimaryKeyConstraint(key, name=f"pk_{name}")
    op.create_table(name, *parts, primary, sqlite_strict=True)


def _reference(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}")


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{'_'.join(columns)}")


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    _ledger()
    _journal()


def _ledger() -> None:
    _table(
        "ledger",
        *_integers("id"),
        *_texts("ledger_id", "name", "country", "timezone", "currency", "installed_on"),
        *_texts("first_pull_on", "payments_read_at", "open_read_at", "pulled_at", nullable=True),
        _check("ledger", "one", "id = 1"),
    )
    _table(
        "customer",
        *_integers("id"),
        *_texts(
            "ref",
            "name",
            "number",
            "language",
            "country",
            "region",
            "kind",
            "address",
            "legal_id",
            "tags",
            "owner",
            "policy",
        ),
        *_integers("mandate"),
        *_integers("credit_limit", nullable=True),
        *_texts("balances", nullable=True),
        *_integers("active", "stub"),
        *_texts("modified_at", nullable=True),
        *_texts("read_at"),
        _unique("customer", "ref"),
    )
    _table(
        "contact",
        *_integers("id", "customer_id", "position"),
        *_texts("ref", "name", "email", "phone", "role", "language"),
        _reference("contact", "customer_id", "customer"),
    )
    op.create_index("ix_contact_customer_id", "contact", ["customer_id"])
    _table(
        "invoice",
        *_integers("id"),
        *_texts("ref", "number"),
        *_integers("customer_id"),
        *_texts("currency", "issued_on"),
        *_texts("sent_on", nullable=True),
        *_texts("state"),
        *_integers("total"),
        *_integers("balance", "open_balance", nullable=True),
        *_texts("reference", "payment_reference", "pay_link", "recipient", "policy"),
        *_texts("modified_at", nullable=True),
        *_texts("read_at"),
        _check("invoice", "state", "state IN ('draft', 'open', 'paid', 'credited', 'void')"),
        _reference("invoice", "customer_id", "customer"),
        _unique("invoice", "ref"),
    )
    op.create_index("ix_invoice_customer_id", "invoice", ["customer_id"])
    op.create_index(
        "ix_invoice_overpaid", "invoice", ["customer_id"], sqlite_where=sa.text("balance < 0")
    )
    _table(
        "due_line",
        *_integers("id", "invoice_id"),
        *_texts("ref"),
        *_integers("rank"),
        *_texts("due_on", nullable=True),
        *_integers("amount", "balance"),
        *_texts("first_seen_on"),
        *_texts("settled_on", "reopened_on", "gone_on", nullable=True),
        _reference("due_line", "invoice_id", "invoice"),
        _unique("due_line", "invoice_id", "ref"),
    )
    op.create_index(
        "ix_due_line_open", "due_line", ["invoice_id"], sqlite_where=sa.text("balance <> 0")
    )
    _table(
        "credit_note",
        *_integers("id"),
        *_texts("ref", "number"),
        *_integers("customer_id"),
        *_texts("currency", "issued_on", "state"),
        *_integers("total", "balance"),
        *_texts("credits_invoice", "modified_at", nullable=True),
        *_texts("read_at"),
        _check(
            "credit_note",
            "state",
            "state IN ('draft', 'open', 'paid', 'credited', 'void')",
        ),
        _reference("credit_note", "customer_id", "customer"),
        _unique("credit_note", "ref"),
    )
    op.create_index("ix_credit_note_customer_id", "credit_note", ["customer_id"])
    _table(
        "payment",
        *_integers("id"),
        *_texts("ref"),
        *_integers("customer_id"),
        *_texts("currency", "paid_on"),
        *_integers("amount", "unallocated"),
        *_texts("state", "reference"),
        *_texts("modified_at", nullable=True),
        *_texts("read_at"),
        _check("payment", "state", "state IN ('pending', 'booked', 'returned', 'void')"),
        _reference("payment", "customer_id", "customer"),
        _unique("payment", "ref"),
    )
    op.create_index("ix_payment_customer_id", "payment", ["customer_id"])
    op.create_index(
        "ix_payment_pending", "payment", ["id"], sqlite_where=sa.text("state = 'pending'")
    )
    _table(
        "allocation",
        *_integers("id", "payment_id"),
        *_texts("invoice_ref", "line_ref"),
        *_integers("amount"),
        _reference("allocation", "payment_id", "payment"),
    )
    op.create_index("ix_allocation_invoice_ref", "allocation", ["invoice_ref"])
    op.create_index("ix_allocation_payment_id", "allocation", ["payment_id"])
    _table("cursor", *_texts("kind", "value"), *_texts("completed_at", nullable=True), key="kind")


def _journal() -> None:
    _table(
        "decision",
        *_integers("id"),
        *_texts("customer_ref"),
        *_texts("invoice_ref", nullable=True),
        *_texts("mark", "since"),
        *_texts("until", nullable=True),
        *_integers("amount", nullable=True),
        *_texts("because", "author", "origin"),
        *_texts("ended_on", nullable=True),
        *_texts("made_at"),
        *_texts("traced_at", nullable=True),
        _check("decision", "origin", "origin IN ('product', 'relance', 'trace')"),
    )
    op.create_index("ix_decision_customer_ref", "decision", ["customer_ref"])
    op.create_index("ix_decision_invoice_ref", "decision", ["invoice_ref"])
    _table(
        "run",
        *_integers("id"),
        *_texts("what", "started_at"),
        *_texts("ended_at", nullable=True),
        *_texts("outcome", "counts"),
    )
    _table(
        "reminder",
        *_integers("id"),
        *_texts(
            "key",
            "customer_ref",
            "customer_name",
            "policy",
            "step",
            "stage",
            "n",
            "channel",
            "route",
            "currency",
        ),
        *_integers("claim"),
        *_texts("language", "country", "recipients", "subject", "text", "html", "entry"),
        *_texts("deadline_on", nullable=True),
        *_texts("legal"),
        *_texts("template", "state"),
        *_integers("edited"),
        *_texts("approved_by"),
        *_texts("approved_at", nullable=True),
        *_texts("because", "planned_on"),
        *_texts("planned_at", "sent_on", "sent_at", "not_before", nullable=True),
        *_texts("receipt", "error"),
        *_integers("tries"),
        *_texts("installation", "origin"),
        *_integers("run_id", nullable=True),
        _check("reminder", "origin", "origin IN ('relance', 'history', 'trace')"),
        _check(
            "reminder",
            "state",
            "state IN ('planned', 'proposed', 'sending', 'sent', 'failed', 'unknown', "
            "'superseded', 'rejected', 'bounced')",
        ),
        _reference("reminder", "run_id", "run"),
    )
    op.create_index("ix_reminder_customer_ref", "reminder", ["customer_ref"])
    op.create_index("ix_reminder_key", "reminder", ["key"])
    op.create_index("ix_reminder_run_id", "reminder", ["run_id"])
    op.create_index("ix_reminder_state", "reminder", ["state"])
    _table(
        "reminder_line",
        *_integers("id", "reminder_id"),
        *_texts("key"),
        *_integers("live"),
        *_texts("invoice_ref", "line_ref", "invoice_number", "step", "stage", "n"),
        *_integers("nth"),
        *_texts("due_on", nullable=True),
        *_integers("balance", "net"),
        *_texts("noted_at", "note_tried_at", nullable=True),
        *_texts("note_error"),
        _reference("reminder_line", "reminder_id", "reminder"),
    )
    op.create_index("ix_reminder_line_invoice_ref", "reminder_line", ["invoice_ref"])
    op.create_index("ix_reminder_line_key", "reminder_line", ["key"])
    op.create_index("ix_reminder_line_reminder_id", "reminder_line", ["reminder_id"])
    op.create_index(
        "uq_reminder_line_live", "reminder_line", ["key"], unique=True, sqlite_where=sa.text("live")
    )
    _table(
        "attempt",
        *_integers("id", "reminder_id"),
        *_texts("started_at"),
        *_texts("ended_at", nullable=True),
        *_texts("outcome", "error"),
        _reference("attempt", "reminder_id", "reminder"),
    )
    op.create_index("ix_attempt_reminder_id", "attempt", ["reminder_id"])
    _table(
        "event",
        *_integers("id"),
        *_integers("run_id", nullable=True),
        *_texts("at", "on", "what", "customer_ref", "invoice_ref", "line_ref"),
        *_integers("before", "after", nullable=True),
        *_texts("text"),
        _reference("event", "run_id", "run"),
    )
    op.create_index("ix_event_invoice_ref", "event", ["invoice_ref"])
    _table(
        "bad_record",
        *_integers("id"),
        *_texts("kind", "ref", "field", "problem", "first_seen_at", "last_seen_at"),
        _unique("bad_record", "kind", "ref", "field"),
    )
