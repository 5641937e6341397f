"""The training process: the only room with torch."""
