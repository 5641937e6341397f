"""Candles: loading, checking, resampling and the estimators built on them."""
