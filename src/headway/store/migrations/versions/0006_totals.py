"""Lists are counted faster: state and engine beside symbols and tags, and a version that tells when totals are void."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

# PostgreSQL sorts text by its bytes, as SQLite does.
_BYTES = {"sqlite": None, "postgresql": "C"}
_BEFORE = ("kind", "value", "created_at", "run_id")
_AFTER = (*_BEFORE, "state", "engine")


def upgrade() -> None:
    collation = _BYTES[op.get_bind().dialect.name]
    op.drop_index(f"ix_run_marks_{'_'.join(_BEFORE)}", "run_marks")
    op.add_column("run_marks", sa.Column("state", sa.String(16, collation)))
    op.add_column("run_marks", sa.Column("engine", sa.String(32, collation)))
    op.execute(
        sa.text(
            "UPDATE run_marks SET state = (SELECT state FROM runs WHERE id = run_id),"
            " engine = (SELECT engine FROM runs WHERE id = run_id) WHERE kind IN ('symbol', 'tag')"
        )
    )
    op.create_index(f"ix_run_marks_{'_'.join(_AFTER)}", "run_marks", list(_AFTER))
    op.execute(sa.text("INSERT INTO counters (name, value) VALUES ('list_version', 0)"))
