"""Browsers that have signed in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# PostgreSQL sorts text by its bytes, as SQLite does.
_BYTES = {"sqlite": None, "postgresql": "C"}


def upgrade() -> None:
    collation = _BYTES[op.get_bind().dialect.name]
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(64, collation), nullable=False),
        sa.Column("owner", sa.String(64, collation), nullable=False),
        sa.Column("created_at", sa.String(27, collation), nullable=False),
        sa.Column("seen_at", sa.String(27, collation), nullable=False),
        sa.Column("agent", sa.String(200, collation), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_owner_seen_at"), "sessions", ["owner", "seen_at"])
