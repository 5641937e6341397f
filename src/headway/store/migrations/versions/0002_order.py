"""PostgreSQL sorts text by its bytes, as SQLite does: the order of runs, files and series is that of no language."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    inspector = sa.inspect(connection)
    for table in sorted(inspector.get_table_names()):
        texts = [column for column in inspector.get_columns(table) if isinstance(column["type"], sa.String)]
        changes = ", ".join(_change(column["name"], column["type"]) for column in texts)
        if changes and table != "alembic_version":
            op.execute(sa.text(f'ALTER TABLE "{table}" {changes}'))


def _change(column: str, kind: sa.types.TypeEngine[object]) -> str:
    return f'ALTER COLUMN "{column}" TYPE {kind.compile()} COLLATE "C"'
