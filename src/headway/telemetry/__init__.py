"""Structured logs and Prometheus counters."""
