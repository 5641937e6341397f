"""Run Alembic's migrations on a connection."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def upgrade(connection: Connection, revision: str = "head") -> None:
    """To the newest schema, or to an older one, within the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", "headway.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
