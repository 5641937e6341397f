"""The demo: a short real training on market data that come with a package, through the door that work goes through."""

from __future__ import annotations

from dataclasses import replace

from headway.control.context import Context, Policy
from headway.control.run_views import to_created
from headway.control.submit import Submission, submit
from headway.control.translate import spec_of_job
from headway.domain.errors import DataError, PreflightFailed
from headway.domain.specs import Spec
from headway.wire.jobs import TrainingRequest

SYMBOLS = ("SP500", "NASDAQ")
TIMEFRAME = "1d"
FEATURES = ("price", "volume", "calendar")
SEED = 7
FEE_BPS = 2.0
SLIPPAGE_BPS = 1.0

_ENGINE = "ppo"
_STEPS = 300_000  # about half a minute of two cores
_NAME = "Demo: PPO on packaged daily bars"
_NOTES = "Trained on daily bars of two stock indices that come with the package arch: demo data, not yours."


def why_no_demo(context: Context) -> str:
    """What is missing for the demo to run here; empty when nothing is."""
    try:
        context.engines.require(_ENGINE)
        for symbol in SYMBOLS:
            context.candles.rows(symbol, TIMEFRAME)
    except (PreflightFailed, DataError) as error:
        return str(error)
    return ""


def submit_demo(context: Context, *, owner: str) -> str:
    """Accept the demo; the id of its run. Raises as `submit` does."""
    spec = spec_of_demo(context.policy)
    return submit(context, Submission(spec, owner, to_created, tags=("demo",))).run_id


def spec_of_demo(policy: Policy) -> Spec:
    """The demo as a job: its symbols are allowed whatever the operator allows."""
    request = TrainingRequest(
        symbols=list(SYMBOLS),
        timeframe=TIMEFRAME,
        features=list(FEATURES),
        steps=_STEPS,
        seed=SEED,
        fee_bps=FEE_BPS,
        slippage_bps=SLIPPAGE_BPS,
        notes=_NOTES,
    )
    return replace(spec_of_job(request, replace(policy, symbols=SYMBOLS)), label=_NAME)
