"""Forecasts of returns and trends from candles of several timeframes."""
