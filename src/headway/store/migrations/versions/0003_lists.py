"""Lists of runs: what they are filtered and sorted by gets columns, tables and indexes; runs get names and tags."""

from __future__ import annotations

import json
import re
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_BATCH = 1000
_WORD = re.compile(r"[^\W_]+")
_NEW_INDEXES = (
    ("engine", "created_at", "id"),
    ("started_at", "id"),
    ("finished_at", "id"),
    ("sort_name", "id"),
    ("fraction", "id"),
)


def upgrade() -> None:
    collation = "C" if op.get_bind().dialect.name == "postgresql" else None
    op.add_column(
        "runs", sa.Column("started_at", sa.String(27, collation), nullable=False, server_default="")
    )
    op.add_column(
        "runs", sa.Column("sort_name", sa.String(120, collation), nullable=False, server_default="")
    )
    op.add_column("runs", sa.Column("fraction", sa.Float, nullable=False, server_default="0"))
    op.execute(sa.text("UPDATE runs SET finished_at = '' WHERE finished_at IS NULL"))
    _create_tables(collation)
    _fill()
    for columns in _NEW_INDEXES:
        op.create_index(f"ix_runs_{'_'.join(columns)}", "runs", list(columns))


def _create_tables(collation: str | None) -> None:
    op.create_table(
        "run_marks",
        sa.Column("run_id", sa.String(32, collation), nullable=False),
        sa.Column("kind", sa.String(8, collation), nullable=False),
        sa.Column("value", sa.String(60, collation), nullable=False),
        sa.Column("created_at", sa.String(27, collation), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_marks_run_id"),
        sa.PrimaryKeyConstraint("run_id", "kind", "value", name="pk_run_marks"),
    )
    marks = ["kind", "value", "created_at", "run_id"]
    op.create_index(f"ix_run_marks_{'_'.join(marks)}", "run_marks", marks)
    op.create_table(
        "run_numbers",
        sa.Column("run_id", sa.String(32, collation), nullable=False),
        sa.Column("name", sa.String(200, collation), nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_numbers_run_id"),
        sa.PrimaryKeyConstraint("run_id", "name", name="pk_run_numbers"),
    )
    numbers = ["name", "value", "run_id"]
    op.create_index(f"ix_run_numbers_{'_'.join(numbers)}", "run_numbers", numbers)


def _fill() -> None:
    """What the runs that are there already are found by."""
    connection = op.get_bind()
    last_id = ""
    while rows := _read(connection, last_id):
        last_id = rows[-1][0]
        for run_id, created_at, text in rows:
            _fill_one(connection, run_id, created_at, json.loads(text))


def _read(connection: sa.Connection, after: str) -> list[Any]:
    found = sa.text("SELECT id, created_at, record FROM runs WHERE id > :after ORDER BY id LIMIT :count")
    return list(connection.execute(found, {"after": after, "count": _BATCH}))


def _fill_one(connection: sa.Connection, run_id: str, created_at: str, record: dict[str, Any]) -> None:
    spec = record["spec"]
    columns = {
        "id": run_id,
        "started": record["started_at"] or "",
        "name": spec["label"].casefold()[:120],
        "fraction": record["progress"]["fraction"],
    }
    changed = "UPDATE runs SET started_at = :started, sort_name = :name, fraction = :fraction WHERE id = :id"
    connection.execute(sa.text(changed), columns)
    words = [("word", word) for word in _WORD.findall(f"{spec['label']} {spec['notes']}".casefold())]
    symbols = [("symbol", symbol) for symbol in spec["config"].get("symbols", ())]
    for kind, value in dict.fromkeys([*symbols, *((kind, word[:60]) for kind, word in words[:100])]):
        mark = {"id": run_id, "kind": kind, "value": value, "at": created_at}
        connection.execute(sa.text("INSERT INTO run_marks VALUES (:id, :kind, :value, :at)"), mark)
    result = record["result"]["metrics"] if record["result"] else {}
    for name, value in {**record["latest"], **result}.items():
        if value is not None:
            number = {"id": run_id, "name": name, "value": float(value)}
            connection.execute(sa.text("INSERT INTO run_numbers VALUES (:id, :name, :value)"), number)
