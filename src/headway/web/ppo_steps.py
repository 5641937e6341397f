"""The builder of a PPO job: `POST /api/training/jobs`."""

from __future__ import annotations

from headway.control.translate import JOBS
from headway.domain.trading import FEATURE_GROUPS, TIMEFRAMES_S
from headway.web.steps import Field, Group, Kind, Step, Widget
from headway.wire.jobs import TrainingRequest

_TIMEFRAMES = tuple(TIMEFRAMES_S)
_GROUPS = {
    "price": "Price",
    "volume": "Volume",
    "depth": "Depth of the book",
    "microstructure": "Microstructure",
    "calendar": "Calendar",
}

_STEPS = (
    Step(
        "data",
        "Data",
        "Which candles the agent trades.",
        (
            Group(
                "",
                (
                    Field("symbols", "Symbols", Widget.CHECKS, "Those that the server allows."),
                    Field("timeframe", "Timeframe", Widget.CHOICE, options=_TIMEFRAMES, narrow=True),
                    Field(
                        "skipValidation",
                        "Train in spite of gaps",
                        Widget.SWITCH,
                        "Missing bars become warnings.",
                    ),
                ),
            ),
        ),
    ),
    Step(
        "features",
        "Features",
        "What the agent sees of each bar.",
        (
            Group(
                "",
                (Field("features", "Feature groups", Widget.CHECKS, options=FEATURE_GROUPS, words=_GROUPS),),
            ),
        ),
    ),
    Step(
        "trading",
        "Trading",
        "What a trade costs, and which positions there are.",
        (
            Group(
                "Costs",
                (
                    Field(
                        "feeBps", "Fee", Widget.NUMBER, "Basis points of the value, each way.", narrow=True
                    ),
                    Field("slippageBps", "Slippage", Widget.NUMBER, "Basis points, each way.", narrow=True),
                ),
            ),
            Group("", (Field("allowShort", "Allow selling short", Widget.SWITCH),)),
        ),
    ),
    Step(
        "training",
        "Training",
        "How long it learns, when it is stopped, and what is noted.",
        (
            Group(
                "Learning",
                (
                    Field(
                        "steps", "Steps", Widget.NUMBER, "Without hours, 100,000 count as one.", narrow=True
                    ),
                    Field("durationHours", "Hours", Widget.NUMBER, "It ends by itself then.", narrow=True),
                    Field("seed", "Seed", Widget.NUMBER, "Empty: one is drawn and kept.", narrow=True),
                    Field("version", "Version of the model", Widget.TEXT, narrow=True),
                ),
            ),
            Group(
                "Limits",
                (
                    Field(
                        "maxDurationHours", "Hours at most", Widget.NUMBER, "Then it is stopped.", narrow=True
                    ),
                    Field("maxCostUsd", "US dollars at most", Widget.NUMBER, narrow=True),
                    Field("priority", "Priority", Widget.NUMBER, "Higher starts sooner.", narrow=True),
                ),
            ),
            Group("", (Field("notes", "Notes", Widget.LINES),)),
        ),
    ),
)

PPO = Kind(
    key="ppo",
    title="PPO trading",
    origin=JOBS,
    request=TrainingRequest,
    address="/api/training/jobs",
    id_field="jobId",
    steps=_STEPS,
    begin_with={"steps": 1_000_000},
)
