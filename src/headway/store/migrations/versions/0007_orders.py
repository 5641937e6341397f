"""What lists are filtered by stands in the index of each order, and beside the numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

# PostgreSQL sorts text by its bytes, as SQLite does.
_BYTES = {"sqlite": None, "postgresql": "C"}
_ORDERS = ("started_at", "finished_at", "sort_name", "fraction")
_NUMBERS = ("name", "value", "run_id", "state", "engine")


def upgrade() -> None:
    for column in _ORDERS:
        _widen("runs", (column, "id"), "state", "engine", "origin", "created_at")
    _widen("runs", ("created_at", "id"), "state", "engine", "origin")
    _widen("runs", ("state", "created_at", "id"), "engine", "origin")
    _widen("runs", ("engine", "created_at", "id"), "state", "origin")
    op.drop_index("ix_runs_engine_state_created_at", "runs")
    dialect = op.get_bind().dialect.name
    created_at = sa.Column("created_at", sa.String(27, _BYTES[dialect]), nullable=False, server_default="")
    op.add_column("run_numbers", created_at)
    op.execute(
        sa.text("UPDATE run_numbers SET created_at = (SELECT created_at FROM runs WHERE runs.id = run_id)")
    )
    _widen("run_numbers", _NUMBERS, "created_at")
    if dialect == "postgresql":
        _count_values_of_kinds()


def _widen(table: str, columns: tuple[str, ...], *more: str) -> None:
    op.drop_index(f"ix_{table}_{'_'.join(columns)}", table)
    op.create_index(f"ix_{table}_{'_'.join((*columns, *more))}", table, [*columns, *more])


def _count_values_of_kinds() -> None:
    """PostgreSQL would take kind and value for independent, and a common symbol for a rare one: it then plans to seek
    each of its runs one by one."""
    op.execute(sa.text("CREATE STATISTICS st_run_marks (mcv) ON kind, value FROM run_marks"))
    op.execute(sa.text("ALTER TABLE run_marks ALTER COLUMN value SET STATISTICS 500"))
