"""All benchmarks, each in a process of its own, and one table: `python -m benchmarks [NAME …] [--times N] [--quick]`.

docs/benchmarks.md tells what each measures. Ctrl-C ends what is under way and shows what was measured until then.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from tests.machine import describe_machine

from benchmarks.document import make_page
from benchmarks.repeated import merge
from benchmarks.tables import Measure, make_table, print_table
from headway.domain.clock import format_utc, utc_now

NAMES = (
    "submit",
    "first_step",
    "log_call",
    "ingest",
    "events_latency",
    "stream",
    "cancel",
    "list_runs",
    "cold_start",
    "ppo_steps",
    "forecast_throughput",
    "web_pages",
    "web_live",
)
LONG = ("active_runs", "scaling", "soak")  # only when they are asked for
_TIMEOUT_S = 3600.0
_LONG_TIMEOUT_S = 3 * 3600.0
_CLEANING_S = 30.0

_told = Console(stderr=True, highlight=False)


def main() -> int:
    chosen = _parse()
    began, at, machine = time.monotonic(), format_utc(utc_now()), describe_machine()
    found: dict[str, list[Measure]] = {}
    flags = [f"--{flag}" for flag in ("quick", "full") if getattr(chosen, flag)]
    try:
        for name in chosen.names or NAMES:
            own = ["--minutes", str(chosen.minutes)] if name == "soak" else []
            found[name] = measure_times(chosen.times, name, [*flags, *own])
    except KeyboardInterrupt:
        _told.print("[yellow]ended early[/]")
    elapsed_s = time.monotonic() - began
    measures = [each for group in found.values() for each in group]
    print_table(make_table(measures, f"Headway benchmarks, {_tell(machine)}; {elapsed_s:.0f} s"))
    if chosen.json is not None:
        document = _document(found, at=at, machine=machine, flags=flags)
        chosen.json.write_text(json.dumps(document, indent=2, allow_nan=False))
    if chosen.write is not None:
        command = f"python -m benchmarks {' '.join(sys.argv[1:])}"
        chosen.write.write_text(make_page(found, at=at, command=command, machine=machine))
    if chosen.plot is not None:
        import_module("benchmarks.plots").draw(measures, chosen.plot)
    return 0 if all(found.values()) and found else 1


def measure_times(times: int, name: str, flags: Sequence[str]) -> list[Measure]:
    """The medians of so many runs of one benchmark; none when all have failed, each of which is told."""
    runs = [found for _ in range(times) if (found := measure(name, flags))]
    return merge(runs) if runs else []


def measure(name: str, flags: Sequence[str]) -> list[Measure]:
    """Run one benchmark; none when it failed, which is told."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "measures.json"
        command = [sys.executable, "-m", f"benchmarks.{name}", *flags, "--json", str(path)]
        began = time.monotonic()
        failure = _run(command, _LONG_TIMEOUT_S if name in LONG or "--full" in flags else _TIMEOUT_S)
        if failure:
            _told.print(f"[red]{name}: {failure}[/]")
            return []
        _told.print(f"{name}: {time.monotonic() - began:.0f} s")
        return [Measure.from_json(each) for each in json.loads(path.read_text())]


def _run(command: Sequence[str], timeout_s: float) -> str:
    """What went wrong; empty when nothing did. A benchmark that is late is interrupted, so that it cleans up."""
    process = subprocess.Popen(command)
    try:
        code = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        _wait_or_kill(process)
        return f"not ready after {timeout_s:.0f} s"
    except KeyboardInterrupt:
        _wait_or_kill(process)  # the terminal has told it too
        raise
    return f"ended with {code}" if code else ""


def _wait_or_kill(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_CLEANING_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tell(machine: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in machine.items())


def _document(
    found: dict[str, list[Measure]], *, at: str, machine: dict[str, Any], flags: Sequence[str]
) -> dict[str, Any]:
    return {
        "measured_at": at,
        "machine": machine,
        "flags": list(flags),
        "measures": {name: [each.to_json() for each in group] for name, group in found.items()},
    }


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"which; {', '.join(NAMES)} by default, and {', '.join(LONG)}",
    )
    parser.add_argument("--times", type=int, default=1, metavar="N", help="repeat each; medians are shown")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--full", action="store_true", help="the large sizes too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table there as Markdown")
    parser.add_argument("--minutes", type=float, default=60.0, help="of `soak`; 60 by default")
    parser.add_argument(
        "--plot", type=Path, metavar="SVG", help="draw costs against sizes there; needs matplotlib"
    )
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.names) - {*NAMES, *LONG})
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join((*NAMES, *LONG))}")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
