"""SQL adapters of the store, and one in memory."""
