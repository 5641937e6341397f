"""Headway: a self-hosted control plane for model training."""

__version__ = "0.1.0"
