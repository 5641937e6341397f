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
    ("id", "state", "engine", "origin", "created_at"),
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
        sqlite_with_rowid=False,
    )
    marks = ["kind", "value", "created_at", "run_id"]
    op.create_index(f"ix_run_marks_{'_'.join(marks)}", "run_marks", marks)
    op.create_table(
        "run_numbers",
        sa.Column("name", sa.String(200, collation), nullable=False),
        sa.Column("run_id", sa.String(32, collation), nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("engine", sa.String(32, collation), nullable=False),
        sa.Column("state", sa.String(16, collation), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_numbers_run_id"),
        sa.PrimaryKeyConstraint("name", "run_id", name="pk_run_numbers"),
        sqlite_with_rowid=False,
    )
    numbers = ["name", "value", "run_id", "state", "engine"]
    op.create_index(f"ix_run_numbers_{'_'.join(numbers)}", "run_numbers", numbers)
    op.create_index("ix_run_numbers_run_id", "run_numbers", ["run_id"])


def _fill() -> None:
    """What the runs that are there already are found by."""
    connection = op.get_bind()
    last_id = ""
    while rows := _read(connection, last_id):
        last_id = rows[-1][0]
        _fill_batch(connection, rows)


def _read(connection: sa.Connection, after: str) -> list[Any]:
    found = sa.text(
        "SELECT id, created_at, state, record FROM runs WHERE id > :after ORDER BY id LIMIT :count"
    )
    return list(connection.execute(found, {"after": after, "count": _BATCH}))


def _fill_batch(connection: sa.Connection, rows: list[Any]) -> None:
    columns: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    numbers: list[dict[str, Any]] = []
    for run_id, created_at, state, text in rows:
        record = json.loads(text)
        columns.append({"id": run_id, **_columns_of(record)})
        marks += [
            {"id": run_id, "kind": kind, "value": value, "at": created_at}
            for kind, value in _marks_of(record)
        ]
        of_run = {"id": run_id, "engine": record["spec"]["engine"], "state": state}
        numbers += [{**of_run, "name": name, "value": value} for name, value in _numbers_of(record).items()]
    changed = "UPDATE runs SET started_at = :started, sort_name = :name, fraction = :fraction WHERE id = :id"
    _execute(connection, changed, columns)
    _execute(connection, "INSERT INTO run_marks VALUES (:id, :kind, :value, :at)", marks)
    _execute(connection, "INSERT INTO run_numbers VALUES (:name, :id, :value, :engine, :state)", numbers)


def _execute(connection: sa.Connection, statement: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(sa.text(statement), rows)


def _columns_of(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "started": record["started_at"] or "",
        "name": record["spec"]["label"].casefold()[:120],
        "fraction": record["progress"]["fraction"],
    }


def _marks_of(record: dict[str, Any]) -> list[tuple[str, str]]:
    spec = record["spec"]
    words = dict.fromkeys(word[:60] for word in _WORD.findall(f"{spec['label']} {spec['notes']}".casefold()))
    symbols = dict.fromkeys(spec["config"].get("symbols", ()))
    return [*(("symbol", symbol) for symbol in symbols), *(("word", word) for word in list(words)[:100])]


def _numbers_of(record: dict[str, Any]) -> dict[str, float]:
    result = record["result"]["metrics"] if record["result"] else {}
    numbers = {**record["latest"], **result}
    return {name: float(value) for name, value in numbers.items() if value is not None and len(name) <= 200}
