"""Alembic's environment: the connection is given by who migrates."""

from __future__ import annotations

from alembic import context

from headway.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
