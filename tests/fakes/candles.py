"""Candle files for tests: a seeded random walk, in the format that the data folder holds."""

from __future__ import annotations

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path


def write_candles(path: Path, *, bars: int, seed: int, start_price: float = 20_000.0) -> Path:
    """Hourly candles of a random walk with 0.5 % steps; high and low enclose open and close."""
    draw = random.Random(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    moment = datetime(2022, 1, 1, tzinfo=UTC)
    price = start_price
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", "open", "high", "low", "close", "volume"])
        for _ in range(bars):
            close = price * (1 + draw.gauss(0, 0.005))
            high, low = (
                max(price, close) * (1 + draw.random() * 0.002),
                min(price, close) * (1 - draw.random() * 0.002),
            )
            row = [f"{value:.2f}" for value in (price, high, low, close, draw.uniform(10, 1000))]
            writer.writerow([moment.strftime("%Y-%m-%dT%H:%M:%SZ"), *row])
            price, moment = close, moment + timedelta(hours=1)
    return path
