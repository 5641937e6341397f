"""Candle files for the tests of this folder: eight sound hourly bars, and ways to spoil them."""

from __future__ import annotations

from pathlib import Path

HEADER = "timestamp,open,high,low,close,volume"
SOUND = [f"2022-01-01T{hour:02}:00:00Z,10,12,9,11,{hour + 1}" for hour in range(8)]


def write_lines(
    folder: Path, lines: list[str], *, header: str = HEADER, name: str = "BTCUSDT_1h.csv"
) -> Path:
    """A file of these lines in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def spoil(row: int, line: str) -> list[str]:
    """The sound lines with one replaced; row 1 is the first."""
    return [*SOUND[: row - 1], line, *SOUND[row:]]
