"""What can be started from the builder: kinds of runs, their steps, their fields. A kind more is an entry more.

Labels and help are here. Bounds, choices and defaults are not: they are read from the shapes that the API takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from headway.control.translate import JOBS
from headway.control.translate_runs import RUNS
from headway.domain.trading import FEATURE_GROUPS, TIMEFRAMES_S
from headway.wire.forecast import INDICATORS
from headway.wire.jobs import TrainingRequest
from headway.wire.runs import RunRequest

_OVERRIDES = ".overrides."
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Widget(StrEnum):
    """How a field is asked for; `builder/widgets.html` has a macro and `fields.js` a reader for each."""

    TEXT = "text"
    LINES = "lines"
    NUMBER = "number"
    CHOICE = "choice"
    PRESETS = "presets"
    SWITCH = "switch"
    CHECKS = "checks"
    WORDS = "words"
    WEIGHTS = "weights"
    DATASET = "dataset"
    PER_TIMEFRAME = "per-timeframe"
    TREE = "tree"


@dataclass(frozen=True)
class Field:
    """One question. `path`: where its answer stands in the request, with dots between."""

    path: str
    label: str
    widget: Widget
    help: str = ""
    options: tuple[str, ...] = ()  # empty: those of the shape
    words: Mapping[str, str] = field(default_factory=lambda: _NOTHING)  # what options are called
    narrow: bool = False  # several stand beside each other
    from_data: bool = False  # its options are timeframes, of which the candles give some

    @property
    def map(self) -> str:
        """The free part of the request that it shares with others; empty for a place of its own."""
        if self.widget is Widget.TREE:
            return self.path
        return f"{self.path.partition(_OVERRIDES)[0]}{_OVERRIDES[:-1]}" if _OVERRIDES in self.path else ""

    @property
    def prefix(self) -> str:
        """What begins the keys that are its own there."""
        return "" if self.widget is Widget.TREE else f"{self.path.partition(_OVERRIDES)[2]}."


@dataclass(frozen=True)
class Group:
    """Fields under one heading, or under none; `folded` ones are for those who look for them."""

    title: str
    fields: tuple[Field, ...]
    folded: bool = False
    help: str = ""


@dataclass(frozen=True)
class Step:
    """One page of the builder. `key` is in its address, and is the part of the whole tree that it decides."""

    key: str
    title: str
    lead: str
    groups: tuple[Group, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(each for group in self.groups for each in group.fields)


@dataclass(frozen=True)
class Kind:
    """One front door of the API, as a sequence of steps."""

    key: str
    title: str
    origin: str  # of the runs that it makes
    request: type[BaseModel]
    address: str  # takes the request
    id_field: str  # of its answer
    steps: tuple[Step, ...]
    preset: str = ""  # the field that decides what others are when they are left alone
    telling: Mapping[str, str] = field(
        default_factory=lambda: _NOTHING
    )  # how presets are told apart, by field
    begin_with: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(each for step in self.steps for each in step.fields)


_TIMEFRAMES = tuple(TIMEFRAMES_S)
_VARIANTS = {"tiny": "Tiny", "base": "Base", "medium": "Medium", "large": "Large"}
_LOSSES = {
    "gaussian_nll": "Gaussian: mean and spread",
    "student_t": "Student t: mean and spread, heavy tails",
    "quantile": "Quantiles: lower, median, upper",
    "deterministic": "Squared error: one value, no spread",
}
_WEIGHTS = {"regression": "Price path", "short": "Short trend", "long": "Long trend"}
_INDICATORS = {
    "BB": "Bollinger bands",
    "STOCHASTIC": "Stochastic",
    "DONCHIAN": "Donchian",
    "CUMULATIVE_RETURNS": "Cumulative returns",
    "ZSCORE": "Z-score",
    "MEAN_GAP": "Gap to the mean",
    "REALISED_VOLATILITY": "Realised volatility",
    "PARKINSON": "Parkinson",
    "GARMAN_KLASS": "Garman–Klass",
    "VOLUME_ZSCORE": "Volume z-score",
    "VOLUME_DELTA": "Volume delta",
}
_GROUPS = {
    "price": "Price",
    "volume": "Volume",
    "depth": "Depth of the book",
    "microstructure": "Microstructure",
    "calendar": "Calendar",
}

_DATA = Step(
    "data",
    "Data",
    "Which candles to learn from, and how coarse the bars are.",
    (
        Group(
            "",
            (Field("config.data_source", "Candles", Widget.DATASET),),
        ),
        Group(
            "Bars",
            (
                Field(
                    "config.timeframes",
                    "Timeframes",
                    Widget.CHECKS,
                    "The model looks at all of them; coarser bars are made from finer ones.",
                    options=_TIMEFRAMES,
                    from_data=True,
                ),
                Field(
                    "config.base_timeframe",
                    "Base timeframe",
                    Widget.CHOICE,
                    "The bars that are forecast.",
                    options=_TIMEFRAMES,
                    words={"": "The finest above"},
                    from_data=True,
                    narrow=True,
                ),
                Field(
                    "config.start_date",
                    "From",
                    Widget.TEXT,
                    "Like 2024-01-31, UTC. Empty: from the first bar.",
                    narrow=True,
                ),
                Field(
                    "config.end_date",
                    "Until",
                    Widget.TEXT,
                    "This day is not included. Empty: to the last bar.",
                    narrow=True,
                ),
            ),
        ),
    ),
)
_FEATURES = Step(
    "features",
    "Features",
    "What the model sees of each bar. Log returns of the price are always there.",
    (
        Group(
            "",
            (
                Field("config.enable_technical_indicators", "Use technical indicators", Widget.SWITCH),
                Field(
                    "config.features",
                    "Indicators",
                    Widget.CHECKS,
                    "Scaled on the training rows alone.",
                    options=INDICATORS,
                    words=_INDICATORS,
                ),
            ),
        ),
        Group(
            "Other indicators for one timeframe",
            (
                Field(
                    "config.overrides.features.per_timeframe",
                    "Indicators by timeframe",
                    Widget.PER_TIMEFRAME,
                    "Replaces the list above for that timeframe.",
                    options=INDICATORS,
                    words=_INDICATORS,
                ),
            ),
            folded=True,
        ),
        Group(
            "",
            (
                Field(
                    "config.enable_calendar_features",
                    "Use calendar features",
                    Widget.SWITCH,
                    "Hour, weekday, month and trading sessions, as far as they vary within a timeframe.",
                ),
            ),
        ),
    ),
)
_HORIZONS = Step(
    "horizons",
    "Horizons",
    "How far ahead the model forecasts.",
    (
        Group(
            "Price path",
            (
                Field(
                    "config.next_horizon",
                    "Next bars",
                    Widget.NUMBER,
                    "Base bars whose returns are forecast one by one.",
                    narrow=True,
                ),
            ),
        ),
        Group(
            "Trends",
            (
                Field("config.short_horizon", "Short", Widget.TEXT, "Like 30m, 4h or 1d.", narrow=True),
                Field(
                    "config.long_horizon",
                    "Long",
                    Widget.TEXT,
                    "Longer than the short one. Rows of this length are left out between splits.",
                    narrow=True,
                ),
            ),
            help="Up, flat or down, over a short and a long time.",
        ),
    ),
)
_MODEL = Step(
    "model",
    "Model",
    "A preset fills in sizes and how it trains. Change what you like: what differs is marked.",
    (
        Group("", (Field("config.variant", "Preset", Widget.PRESETS, words=_VARIANTS),)),
        Group(
            "Sizes",
            (
                Field("config.d_model", "Width", Widget.NUMBER, "A multiple of the heads.", narrow=True),
                Field("config.n_heads", "Heads", Widget.NUMBER, "Of attention.", narrow=True),
                Field(
                    "config.n_layers_tf",
                    "Layers by timeframe",
                    Widget.NUMBER,
                    "Each timeframe has its own.",
                    narrow=True,
                ),
                Field(
                    "config.n_layers_fusion",
                    "Layers of fusion",
                    Widget.NUMBER,
                    "Between timeframes; 0 pools only.",
                    narrow=True,
                ),
                Field("config.dropout", "Dropout", Widget.NUMBER, "A fraction.", narrow=True),
            ),
        ),
    ),
)
_LOSS = Step(
    "loss",
    "Loss",
    "What is made small.",
    (
        Group(
            "",
            (Field("config.regression_loss", "Regression loss", Widget.CHOICE, words=_LOSSES),),
        ),
        Group(
            "",
            (
                Field(
                    "config.loss_weights",
                    "Weights of the losses",
                    Widget.WEIGHTS,
                    "Shares; they need not sum to 1.",
                    options=tuple(_WEIGHTS),
                    words=_WEIGHTS,
                ),
            ),
        ),
    ),
)
_TRAINING = Step(
    "training",
    "Training",
    "How it learns, when it is stopped, and what it is called.",
    (
        Group(
            "Learning",
            (
                Field("config.max_epochs", "Epochs at most", Widget.NUMBER, narrow=True),
                Field("config.batch_size", "Batch size", Widget.NUMBER, "Rows a step.", narrow=True),
                Field("config.learning_rate", "Learning rate", Widget.NUMBER, "At its peak.", narrow=True),
                Field("config.weight_decay", "Weight decay", Widget.NUMBER, narrow=True),
                Field("config.seed", "Seed", Widget.NUMBER, "Empty: one is drawn and kept.", narrow=True),
            ),
        ),
        Group(
            "Limits",
            (
                Field(
                    "config.max_hours",
                    "Hours at most",
                    Widget.NUMBER,
                    "Then it is stopped. Empty: the server's ceiling.",
                    narrow=True,
                ),
                Field(
                    "config.max_cost_usd",
                    "US dollars at most",
                    Widget.NUMBER,
                    "Empty: the server's ceiling.",
                    narrow=True,
                ),
                Field("config.priority", "Priority", Widget.NUMBER, "Higher starts sooner.", narrow=True),
            ),
        ),
        Group(
            "What it is called",
            (
                Field("name", "Name", Widget.TEXT),
                Field("tags", "Tags", Widget.WORDS, "Words with commas between."),
                Field("notes", "Notes", Widget.LINES),
            ),
        ),
        Group(
            "Anything else",
            (
                Field(
                    "config.overrides",
                    "Overrides",
                    Widget.TREE,
                    "Any key of the whole configuration, such as training.patience. They win over all above.",
                ),
            ),
            folded=True,
        ),
    ),
)

_PPO_STEPS = (
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

KINDS: Mapping[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind(
            key="forecast",
            title="Forecast",
            origin=RUNS,
            request=RunRequest,
            address="/runs",
            id_field="id",
            steps=(_DATA, _FEATURES, _HORIZONS, _MODEL, _LOSS, _TRAINING),
            preset="config.variant",
            telling={
                "config.d_model": "{:,} wide",
                "config.n_layers_tf": "{}-layer encoders",
                "config.max_epochs": "{} epochs",
                "config.batch_size": "batches of {}",
            },
            begin_with={"config": {}},
        ),
        Kind(
            key="ppo",
            title="PPO trading",
            origin=JOBS,
            request=TrainingRequest,
            address="/api/training/jobs",
            id_field="jobId",
            steps=_PPO_STEPS,
            begin_with={"steps": 1_000_000},
        ),
    )
}
FIRST = next(iter(KINDS))
