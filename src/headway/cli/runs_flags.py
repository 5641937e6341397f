"""Flags of the commands that make runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headway.cli.common import require_number

File = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="YAML or JSON; flags win over it.", show_default=False)
]
Data = Annotated[str | None, typer.Option(help="A symbol, or a file of the server's candles.")]
Timeframes = Annotated[str | None, typer.Option(help="Lengths of a bar, with commas between: 1h,4h.")]
Variant = Annotated[str | None, typer.Option(help="tiny, base, medium or large.")]
Epochs = Annotated[int | None, typer.Option(help="Epochs at most.")]
Start = Annotated[str | None, typer.Option(help="First day of the data, ISO 8601.")]
End = Annotated[str | None, typer.Option(help="Day before which the data end, ISO 8601.")]
Seed = Annotated[int | None, typer.Option(help="Seed; the server draws one when none is given.")]
Priority = Annotated[int | None, typer.Option(help="Higher starts sooner.")]
MaxHours = Annotated[
    float | None, typer.Option(help="Hours after which it is stopped.", callback=require_number)
]
MaxCost = Annotated[
    float | None, typer.Option(help="US dollars after which it is stopped.", callback=require_number)
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any field of the configuration; may be repeated."),
]
Name = Annotated[str | None, typer.Option(help="A name for people.")]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="WORD", help="A word to find it by; may be repeated.")
]
Notes = Annotated[str | None, typer.Option(help="A text that is kept with the run.")]
Preview = Annotated[bool, typer.Option("--preview", help="Show what would be trained; create nothing.")]
WatchIt = Annotated[bool, typer.Option("--watch", help="Watch it to its end.")]
Key = Annotated[
    str | None,
    typer.Option(
        "--idempotency-key", help="Sent twice, it makes one run; random when not given.", show_default=False
    ),
]
