"""How a benchmark is run by itself: `python -m benchmarks.NAME [--quick | --full] [--json FILE]`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tables import Measure, make_table, print_table


@dataclass(frozen=True)
class Pace:
    """How thorough a benchmark is to be."""

    quick: bool = False
    full: bool = False

    def choose(self, normal: int, quick: int) -> int:
        return quick if self.quick else normal


def run_alone(measure: Callable[[Pace], list[Measure]]) -> None:
    """Measure, then print the table, or write the figures where `--json` says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--full", action="store_true", help="the large sizes too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    chosen = parser.parse_args()
    found = measure(Pace(chosen.quick, chosen.full))
    if chosen.json is None:
        print_table(make_table(found))
    else:
        chosen.json.write_text(json.dumps([each.to_json() for each in found], allow_nan=False))
