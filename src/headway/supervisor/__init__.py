"""The process that holds one attempt: starts it, limits it, proves its death."""
