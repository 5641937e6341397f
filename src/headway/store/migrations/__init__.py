"""Changes of the schema, run by Alembic."""
