"""What the commands that speak to a server share: their flags, and how they write for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any

import typer

from headway.cli.render import make_console, say
from headway.client.pacing import Retry

HOUR_S = 3600.0
RETRY_FOR_S = 20.0

AsJson = Annotated[bool, typer.Option("--json", help="For programs: one JSON document, or JSON lines.")]
RetryFor = Annotated[
    float, typer.Option(min=0.0, help="Seconds to go on trying while the server does not answer.")
]


@dataclass(frozen=True)
class Session:
    """Flags that stand before the command."""

    retry_for_s: float


def tell_first_retry(*, as_json: bool) -> Callable[[Retry], None]:
    """Tells of the first retry only."""
    told: list[Retry] = []

    def tell(retry: Retry) -> None:
        if not told and not as_json:
            say(make_console(stderr=True), f"{retry.why}; trying again", style="yellow")
        told.append(retry)

    return tell


def write_json(document: Mapping[str, Any], *, line: bool = False) -> None:
    """One JSON document on standard output, or one line of many."""
    sys.stdout.write(json.dumps(document, indent=None if line else 2) + "\n")
    sys.stdout.flush()


def require_number(value: float | None) -> float | None:
    """A usage error for NaN and infinity, which JSON does not have."""
    if value is not None and not isfinite(value):
        raise typer.BadParameter(f"{value} is not a number")
    return value


def split_names(text: str) -> list[str]:
    """`BTC, ETH` as a list."""
    return [name.strip() for name in text.split(",") if name.strip()]


def to_seconds(hours: float | None) -> float | None:
    return None if hours is None else hours * HOUR_S
