"""Evaluation of what was learnt: pure computation on arrays."""
