"""TensorBoard's event files, written by tensorboardX and read by TensorBoard."""

from __future__ import annotations

import time

from measuring import Figures, run, time_calls
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboardX import SummaryWriter


def log_call(quick: bool) -> Figures:
    """`add_scalar`, one value a call."""
    with SummaryWriter("logs") as writer:
        return time_calls(
            lambda step: writer.add_scalar("train/loss", 0.25, step), 5_000 if quick else 20_000
        )


def points(quick: bool) -> Figures:
    """Points a second until all of them can be read."""
    count = 10_000 if quick else 50_000
    began = time.perf_counter()
    with SummaryWriter("points") as writer:
        for step in range(count):
            writer.add_scalar("loss", 0.5, step)
    accumulator = EventAccumulator("points", size_guidance={"scalars": 0})
    accumulator.Reload()
    kept = len(accumulator.Scalars("loss"))
    if kept != count:
        raise RuntimeError(f"{kept} of {count} points can be read")
    return {"per_s": count / (time.perf_counter() - began)}


if __name__ == "__main__":
    run({"log_call": log_call, "points": points})
