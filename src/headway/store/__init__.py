"""SQL and in-memory adapters of the Store port."""
