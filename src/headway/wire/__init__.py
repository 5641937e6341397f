"""Shapes that cross a process: the run directory, its log lines, and the bodies of each API."""
