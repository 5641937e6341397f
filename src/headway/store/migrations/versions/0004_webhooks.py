"""Webhooks and their deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# PostgreSQL sorts text by its bytes, as SQLite does.
_BYTES = {"sqlite": None, "postgresql": "C"}


def upgrade() -> None:
    collation = _BYTES[op.get_bind().dialect.name]

    def text(length: int | None = None) -> sa.String:
        return sa.String(length, collation=collation) if length else sa.Text(collation=collation)

    op.create_table(
        "webhooks",
        sa.Column("id", text(32), nullable=False),
        sa.Column("created_at", text(27), nullable=False),
        sa.Column("record", text(), nullable=False),
        sa.Column("holder", text(64), nullable=True),
        sa.Column("held_until", text(27), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", text(64), nullable=False),
        sa.Column("webhook_id", text(32), nullable=False),
        sa.Column("run_id", text(32), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("kind", text(32), nullable=False),
        sa.Column("body", text(), nullable=False),
        sa.Column("created_at", text(27), nullable=False),
        sa.Column("next_at", text(27), nullable=False),
        sa.Column("give_up_at", text(27), nullable=False),
        sa.Column("state", text(16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", text(), nullable=True),
        sa.Column("ended_at", text(27), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'delivered', 'dead')", name=op.f("ck_deliveries_known_state")
        ),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], name=op.f("fk_deliveries_webhook_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    for columns in (
        ["state", "next_at", "webhook_id"],
        ["webhook_id", "state", "position"],
        ["webhook_id", "position"],
        ["state", "ended_at"],
    ):
        op.create_index(op.f(f"ix_deliveries_{'_'.join(columns)}"), "deliveries", columns, unique=False)
