"""`skippy-train ppo`: submit a job, and watch it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from headway.cli.common import HOUR_S, AsJson, require_number, split_names, write_json
from headway.cli.errors import told_creation
from headway.cli.render import make_console, say, text_of
from headway.cli.skippy_session import open_client
from headway.cli.skippy_watch import watch_to_end
from headway.client.answers import Body
from headway.domain.ids import new_token
from headway.wire.jobs import TrainingRequest

_DEFAULT = TrainingRequest()
_STEPS = 1_000_000


def ppo(  # noqa: PLR0913  (Typer reads the flags from the signature)
    context: typer.Context,
    *,
    steps: Annotated[
        int | None, typer.Option(help=f"Steps to train; {_STEPS} when --duration is not given either.")
    ] = None,
    symbols: Annotated[str, typer.Option(help="Symbols, with commas between.")] = "BTC",
    seed: Annotated[int | None, typer.Option(help="Seed; the server draws one when none is given.")] = None,
    version: Annotated[str, typer.Option(help="Version of the model.")] = _DEFAULT.version,
    features: Annotated[
        str, typer.Option(help="Groups of price, volume, depth, microstructure, calendar.")
    ] = "price,depth",
    max_duration: Annotated[
        float, typer.Option(help="Hours after which the job is stopped.", callback=require_number)
    ] = _DEFAULT.max_duration_hours,
    max_cost: Annotated[
        float, typer.Option(help="US dollars after which the job is stopped.", callback=require_number)
    ] = _DEFAULT.max_cost_usd,
    duration: Annotated[
        float | None,
        typer.Option(help="Hours to train; given steps, the server derives a cap.", callback=require_number),
    ] = None,
    notes: Annotated[str, typer.Option(help="A text that is kept with the job.")] = "",
    skip_validation: Annotated[
        bool,
        typer.Option("--skip-validation/--no-skip-validation", help="Train in spite of gaps in the data."),
    ] = False,
    timeframe: Annotated[str, typer.Option(help="Length of a bar, such as 1h or 1d.")] = _DEFAULT.timeframe,
    fee_bps: Annotated[
        float, typer.Option(help="Fee of a trade, in basis points.", callback=require_number)
    ] = _DEFAULT.fee_bps,
    slippage_bps: Annotated[
        float, typer.Option(help="Slippage of a trade, in basis points.", callback=require_number)
    ] = _DEFAULT.slippage_bps,
    long_only: Annotated[bool, typer.Option("--long-only", help="Never sell short.")] = False,
    priority: Annotated[int, typer.Option(help="Higher starts sooner.")] = _DEFAULT.priority,
    idempotency_key: Annotated[
        str | None,
        typer.Option(help="Sent twice, it makes one job; random when not given.", show_default=False),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Submit and leave; do not watch.")] = False,
    watch_timeout: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Hours to watch; --max-duration and one more when not given.",
            callback=require_number,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a PPO agent: submit the job, then watch it to its end."""
    given_hours = {} if duration is None else {"durationHours": duration}
    given_steps = _STEPS if steps is None and duration is None else steps
    request: dict[str, Any] = {
        "symbols": split_names(symbols),
        "features": split_names(features),
        "timeframe": timeframe,
        "skipValidation": skip_validation,
        "version": version,
        "maxDurationHours": max_duration,
        "maxCostUsd": max_cost,
        "notes": notes,
        "allowShort": not long_only,
        "feeBps": fee_bps,
        "slippageBps": slippage_bps,
        "priority": priority,
        **given_hours,
        **({} if given_steps is None else {"steps": given_steps}),
        **({} if seed is None else {"seed": seed}),
    }
    hours = max_duration + 1.0 if watch_timeout is None else watch_timeout
    with open_client(context, as_json=as_json) as client:
        key = idempotency_key or new_token()
        with told_creation("the job was accepted", key, as_json=as_json):
            accepted = client.submit(request, key)
        _show_accepted(accepted, as_json=as_json, last=detach)
        if not detach:
            job_id, deadline_s = str(accepted.get("jobId")), hours * HOUR_S
            raise typer.Exit(watch_to_end(client, job_id, deadline_s=deadline_s, as_json=as_json))


def _show_accepted(accepted: Body, *, as_json: bool, last: bool) -> None:
    if as_json:
        write_json(accepted if last else {"kind": "accepted", "data": accepted}, line=not last)
        return
    console = make_console()
    job_id, position = accepted.get("jobId"), accepted.get("queuePosition")
    say(console, f"Job accepted: {text_of(job_id)}", style="bold")
    place = "next to start" if position == 0 else f"position {text_of(position)} in the queue"
    say(console, f"at most {text_of(accepted.get('estimatedDuration'))}, {place}")
    if last:
        say(console, f"watch it: skippy-train watch {text_of(job_id)}")
