"""The tables, in SQL that SQLite and PostgreSQL both take. Times are text that sorts as time (see domain.clock).

A test holds that migrating an empty database gives exactly these.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from headway.domain.states import State
from headway.domain.webhooks import DeliveryState

_ID = String(32)
_TIME = String(27)
_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=_NAMING)


def _of_run(*, primary_key: bool = False) -> Column[str]:
    return Column("run_id", _ID, ForeignKey("runs.id"), primary_key=primary_key, nullable=False)


# What is filtered or sorted by has a column; `record` is the whole run.
runs = Table(
    "runs",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("engine", String(32), nullable=False),
    Column("origin", String(32), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("series", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("event_seq", Integer, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("finished_at", _TIME),  # like started_at empty until then
    Column("record", Text, nullable=False),
    Column("started_at", _TIME, nullable=False, server_default=""),
    Column("sort_name", String(120), nullable=False, server_default=""),
    Column("fraction", Float, nullable=False, server_default="0"),
    CheckConstraint(f"state IN ({', '.join(repr(state.value) for state in State)})", name="known_state"),
    Index(None, "engine", "series", "state", "finished_at"),
    Index(None, "owner", "created_at"),
    # Orders of lists. What they are filtered by stands in each index: no record is read to leave a run out.
    Index(None, "created_at", "id", "state", "engine", "origin"),
    Index(None, "state", "created_at", "id", "engine", "origin"),
    Index(None, "engine", "created_at", "id", "state", "origin"),
    Index(None, "started_at", "id", "state", "engine", "origin", "created_at"),
    Index(None, "finished_at", "id", "state", "engine", "origin", "created_at"),
    Index(None, "sort_name", "id", "state", "engine", "origin", "created_at"),
    Index(None, "fraction", "id", "state", "engine", "origin", "created_at"),
    # To ask of a run without reading its record.
    Index(None, "id", "state", "engine", "origin", "created_at"),
)

# What runs are found by: symbols, tags, words. The time of creation stands here too, so that a list of marked runs
# is read in its order. State and engine stand beside symbols and tags, which lists are asked for together with them;
# words have neither: they are many, and a run would write all of them with each change of its state.
run_marks = Table(
    "run_marks",
    metadata,
    _of_run(primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("value", String(60), primary_key=True),
    Column("created_at", _TIME, nullable=False),
    Column("state", String(16)),
    Column("engine", String(32)),
    Index(None, "kind", "value", "created_at", "run_id", "state", "engine"),
    sqlite_with_rowid=False,
)

# Numbers that runs are sorted by: written when something of a run is finished, not with every point. What lists of
# numbers are filtered by most stands beside them; `update_run` keeps the state.
run_numbers = Table(
    "run_numbers",
    metadata,
    Column("name", String(200), primary_key=True),
    _of_run(primary_key=True),
    Column("value", Float, nullable=False),
    Column("engine", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", _TIME, nullable=False, server_default=""),
    Index(None, "name", "value", "run_id", "state", "engine", "created_at"),
    Index(None, "run_id"),
    sqlite_with_rowid=False,
)

replies = Table(
    "replies",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("key", String(200), primary_key=True),
    _of_run(),
    Column("body_sha256", String(64), nullable=False),
    Column("response", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
)

queue = Table(
    "queue",
    metadata,
    _of_run(primary_key=True),
    Column(
        "rank", Integer, nullable=False
    ),  # minus the priority: rows in order of the index are in order of the queue
    Column("created_at", _TIME, nullable=False),
    Index(None, "rank", "created_at", "run_id"),
)

slots = Table(
    "slots",
    metadata,
    Column("kind", String(8), primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("run_id", _ID, ForeignKey("runs.id")),
    Column("retired", Integer, nullable=False),  # 1: vanishes once it is freed
    Index(None, "run_id"),
)

leases = Table(
    "leases",
    metadata,
    _of_run(primary_key=True),
    Column("token", String(64), nullable=False),
    Column("until", _TIME, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    _of_run(),
    Column("seq", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("at", _TIME, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("data", Text, nullable=False),
    UniqueConstraint("run_id", "seq"),
)

# Positions come from a row and not from a sequence: a sequence leaves gaps and numbers before it commits.
counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

cursors = Table(
    "cursors",
    metadata,
    Column("subscriber", String(64), primary_key=True),
    Column("position", BigInteger, nullable=False),
)

log_cursors = Table(
    "log_cursors",
    metadata,
    _of_run(primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("offset_bytes", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
)

series = Table(
    "series",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    _of_run(),
    Column("attempt", Integer, nullable=False),
    Column("name", String(200), nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("first_step", BigInteger, nullable=False),
    UniqueConstraint("run_id", "name", "attempt"),
)

# Packed points and, above them, packed extremes: see series.py.
blocks = Table(
    "blocks",
    metadata,
    Column(
        "series_id", BigInteger().with_variant(Integer, "sqlite"), ForeignKey("series.id"), primary_key=True
    ),
    Column("level", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("first_step", BigInteger, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    _of_run(primary_key=True),
    Column("path", String(500), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    _of_run(primary_key=True),
    Column("path", String(500), primary_key=True),
    Column("step", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
)

# `record` is the whole webhook, its secrets among it; who may send for it is kept beside it.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("created_at", _TIME, nullable=False),
    Column("record", Text, nullable=False),
    Column("holder", String(64)),
    Column("held_until", _TIME),
)

# A delivery outlives the run that it tells of: no key leads to it.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("webhook_id", _ID, ForeignKey("webhooks.id"), nullable=False),
    Column("run_id", _ID, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("next_at", _TIME, nullable=False),
    Column("give_up_at", _TIME, nullable=False),
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("status", Integer),
    Column("error", Text),
    Column("ended_at", _TIME),
    CheckConstraint(
        f"state IN ({', '.join(repr(state.value) for state in DeliveryState)})", name="known_state"
    ),
    Index(None, "state", "next_at", "webhook_id"),
    Index(None, "webhook_id", "state", "position"),
    Index(None, "webhook_id", "position"),
    Index(None, "state", "ended_at"),
)

# Browsers that have signed in; `id` is the hash of the token that they hold.
sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("created_at", _TIME, nullable=False),
    Column("seen_at", _TIME, nullable=False),
    Column("agent", String(200), nullable=False),
    Index(None, "owner", "seen_at"),
)
