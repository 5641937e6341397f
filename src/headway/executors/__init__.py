"""Where a run executes. An executor makes the run directory grow and proves death."""
