"""The builder of a forecast: `POST /runs`."""

from __future__ import annotations

from headway.control.translate_runs import RUNS
from headway.domain.trading import TIMEFRAMES_S
from headway.web.steps import Field, Group, Kind, Step, Widget
from headway.wire.forecast import INDICATORS
from headway.wire.runs import RunRequest

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
        Group(
            "Around the transformer",
            (
                Field(
                    "config.instance_norm",
                    "Normalise each window",
                    Widget.SWITCH,
                    "By its own mean and deviation; the forecast is scaled back.",
                ),
                Field(
                    "config.linear_skip",
                    "Linear skip",
                    Widget.SWITCH,
                    "A linear map from the window to the path, beside the transformer.",
                ),
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

FORECAST = Kind(
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
)
