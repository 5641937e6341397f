"""What a database says of itself."""

from __future__ import annotations

from sqlalchemy import Connection, text

from headway.ports import StoreFacts
from headway.store.postgres import is_postgres

_SCHEMA = text("SELECT version_num FROM alembic_version")
_SQLITE = text("SELECT sqlite_version(), page_count * page_size FROM pragma_page_count(), pragma_page_size()")
_POSTGRES = text("SELECT current_setting('server_version'), pg_database_size(current_database())")


def read_facts(db: Connection) -> StoreFacts:
    """Technology, version, schema and bytes of the database behind a connection."""
    on_postgres = is_postgres(db.engine.url)
    version, size_bytes = db.execute(_POSTGRES if on_postgres else _SQLITE).one()
    schema = db.execute(_SCHEMA).scalar_one()
    return StoreFacts("PostgreSQL" if on_postgres else "SQLite", str(version), str(schema), int(size_bytes))
