"""The small process that holds one attempt: starts the training, watches it, ends it, proves that it is dead."""
