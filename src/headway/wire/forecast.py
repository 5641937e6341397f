"""The configuration of a forecasting run, whole and resolved: what the engine reads and `config.yaml` holds.

Units: durations are text like `30m`; contexts count patches, patches and strides count bars; `epsilon_bps` is in
basis points of the log return; fractions are 0 to 1. A number that is None is decided where its comment says.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from headway.domain.durations import count_bars, parse_duration_s
from headway.domain.suggestions import suggest
from headway.domain.trading import TIMEFRAMES_S

Variant = Literal["tiny", "base", "medium", "large"]
RegressionLoss = Literal["gaussian_nll", "student_t", "quantile", "deterministic"]

MIN_ROWS = 30  # of each split, with a whole path: fewer give no interval

DEFAULT_INDICATORS = ("RSI", "MACD", "ATR", "BB", "EMA", "SMA", "OBV")
INDICATORS = (
    *DEFAULT_INDICATORS,
    "STOCHASTIC",
    "CCI",
    "ADX",
    "DONCHIAN",
    "MFI",
    "VWAP",
    "CUMULATIVE_RETURNS",
    "ZSCORE",
    "MEAN_GAP",
    "REALISED_VOLATILITY",
    "PARKINSON",
    "GARMAN_KLASS",
    "VOLUME_ZSCORE",
    "VOLUME_DELTA",
)


def _require_timeframe(name: str) -> str:
    if name not in TIMEFRAMES_S:
        raise ValueError(f"{name[:20]!r} is no timeframe: known are {', '.join(TIMEFRAMES_S)}")
    return name


def _require_duration(text: str) -> str:
    parse_duration_s(text)
    return text


def _require_moment(text: str) -> str:
    parse_moment(text)
    return text


def _require_indicators(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in INDICATORS:
            raise ValueError(f"{name[:30]!r} is no indicator: {suggest(name.upper(), INDICATORS)}")
    return _require_once(names)


def _require_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) != len(names):
        raise ValueError("each at most once")
    return names


def parse_moment(text: str) -> datetime:
    """A date or time of ISO 8601, in UTC where it names no zone; ValueError otherwise."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except ValueError as error:
        raise ValueError(
            f"{text[:40]!r} is no date of ISO 8601, like 2024-01-31 or 2024-01-31T12:00:00Z"
        ) from error
    except OverflowError as error:
        raise ValueError(f"{text[:40]!r} is in UTC before the year 1 or after 9999") from error


Timeframe = Annotated[str, AfterValidator(_require_timeframe)]
Duration = Annotated[str, AfterValidator(_require_duration)]
Moment = Annotated[str, AfterValidator(_require_moment)]
Indicators = Annotated[
    tuple[str, ...], Field(strict=False, max_length=len(INDICATORS)), AfterValidator(_require_indicators)
]
Timeframes = Annotated[
    tuple[Timeframe, ...], Field(strict=False, min_length=1, max_length=8), AfterValidator(_require_once)
]
Source = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class _Part(BaseModel):
    """Frozen; unknown keys, numbers as text, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class DataConfig(_Part):
    """Which candles, and how they are split by time: train, then validation, then test (the rest)."""

    source: Source  # a symbol (BTC) or the name of a file in the candles folder (BTCUSDT_1h.csv)
    base_timeframe: Timeframe  # bars that are forecast; the first of `timeframes`
    timeframes: Timeframes  # ascending, each a multiple of the base
    start_date: Moment | None = None  # None: from the first candle
    end_date: Moment | None = None  # exclusive; None: to the last candle
    train_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.7
    validation_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.15
    purge_bars: Annotated[int | None, Field(ge=0, le=1_000_000)] = None  # None: the longest horizon
    allow_gaps: bool = False
    scaler: Literal["robust", "standard"] = "robust"

    @model_validator(mode="after")
    def _require_order(self) -> Self:
        sizes_s = [TIMEFRAMES_S[name] for name in self.timeframes]
        if self.timeframes[0] != self.base_timeframe:
            raise ValueError(f"timeframes must begin with the base timeframe {self.base_timeframe}")
        if sizes_s != sorted(sizes_s):
            raise ValueError("timeframes must ascend, the base first")
        for name, size_s in zip(self.timeframes, sizes_s, strict=True):
            if size_s % sizes_s[0]:
                raise ValueError(
                    f"timeframes must be multiples of the base timeframe {self.base_timeframe}: {name} is none"
                )
        if self.train_fraction + self.validation_fraction >= 1:
            raise ValueError("train_fraction + validation_fraction must leave something to test: below 1")
        if self.start_at and self.end_at and self.start_at >= self.end_at:
            raise ValueError("start_date must be before end_date")
        return self

    @property
    def start_at(self) -> datetime | None:
        return None if self.start_date is None else parse_moment(self.start_date)

    @property
    def end_at(self) -> datetime | None:
        return None if self.end_date is None else parse_moment(self.end_date)

    @property
    def base_s(self) -> int:
        """Seconds of a base bar."""
        return TIMEFRAMES_S[self.base_timeframe]


class FeatureConfig(_Part):
    """Which features are made. Log returns of the price are always there."""

    technical: bool = True  # False: no indicators
    calendar: bool = True
    indicators: Indicators = DEFAULT_INDICATORS
    per_timeframe: dict[Timeframe, Indicators] = {}  # in place of `indicators`, for a timeframe

    def indicators_of(self, timeframe: str) -> tuple[str, ...]:
        """The indicators of one timeframe."""
        return self.per_timeframe.get(timeframe, self.indicators) if self.technical else ()


class HorizonConfig(_Part):
    """What is forecast: the path of the next bars, and the trend over a short and a long time.

    A trend is up or down when the log return is beyond `epsilon_bps`, else flat.
    """

    next_bars: Annotated[int, Field(ge=1, le=256)] = 1
    short: Duration = "30m"
    long: Duration = "1w"
    epsilon_bps: Annotated[float, Field(ge=0, le=1000)] = 10.0

    @model_validator(mode="after")
    def _require_order(self) -> Self:
        if parse_duration_s(self.short) >= parse_duration_s(self.long):
            raise ValueError(
                f"the short horizon ({self.short}) must be shorter than the long one ({self.long})"
            )
        return self


class ModelConfig(_Part):
    """Sizes of the transformer; `variant` is the preset that they were taken from."""

    variant: Variant = "base"
    d_model: Annotated[int, Field(ge=8, le=4096)] = 256
    n_heads: Annotated[int, Field(ge=1, le=64)] = 8
    n_layers_tf: Annotated[int, Field(ge=1, le=24)] = 2  # for each timeframe
    n_layers_fusion: Annotated[int, Field(ge=0, le=24)] = 2  # between timeframes; 0: pooling only
    ff_mult: Annotated[int, Field(ge=1, le=8)] = 4
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    patch_len: Annotated[int, Field(ge=1, le=512)] = 16
    stride: Annotated[int, Field(ge=1, le=512)] = 8
    context_patches: Annotated[int, Field(ge=1, le=8192)] = 512
    instance_norm: bool = False  # each window in units of its own mean and deviation; the path is scaled back
    linear_skip: bool = False  # a linear map from the base window to the path, beside the transformer

    @model_validator(mode="after")
    def _require_whole_heads(self) -> Self:
        if self.d_model % 2:
            raise ValueError(f"d_model ({self.d_model}) must be even: positions are pairs of sine and cosine")
        if self.d_model % self.n_heads:
            raise ValueError(f"d_model ({self.d_model}) must be a multiple of n_heads ({self.n_heads})")
        if self.stride > self.patch_len:
            raise ValueError(f"stride ({self.stride}) must not be above patch_len ({self.patch_len})")
        return self

    @property
    def context_bars(self) -> int:
        """Bars that one forecast looks at, on every timeframe."""
        return (self.context_patches - 1) * self.stride + self.patch_len


class LossWeights(_Part):
    """Shares of the three losses; they need not sum to 1."""

    regression: Annotated[float, Field(ge=0, le=1000)] = 0.5
    short: Annotated[float, Field(ge=0, le=1000)] = 0.25
    long: Annotated[float, Field(ge=0, le=1000)] = 0.25

    @model_validator(mode="after")
    def _require_any(self) -> Self:
        if self.regression + self.short + self.long <= 0:
            raise ValueError("at least one weight must be above 0")
        return self


class LossConfig(_Part):
    """Losses of the heads. `quantiles`: the lower, 0.5, the upper."""

    regression: RegressionLoss = "gaussian_nll"
    trend: Literal["cross_entropy", "focal"] = "cross_entropy"
    focal_gamma: Annotated[float, Field(ge=0, le=10)] = 2.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weights: LossWeights = LossWeights()
    quantiles: Annotated[tuple[float, float, float], Field(strict=False)] = (0.1, 0.5, 0.9)

    @model_validator(mode="after")
    def _require_quantiles(self) -> Self:
        low, middle, high = self.quantiles
        if not 0 < low < middle == 0.5 < high < 1:
            raise ValueError(
                "quantiles must be three: one below 0.5, 0.5 itself and one above, within 0 and 1"
            )
        return self


class TrainConfig(_Part):
    """How the model learns: AdamW, warm-up then cosine, early stopping on the validation loss."""

    max_epochs: Annotated[int, Field(ge=1, le=10_000)] = 100
    batch_size: Annotated[int, Field(ge=1, le=8192)] = 32
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-4
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.05
    warmup_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.02
    min_learning_rate: Annotated[float, Field(ge=0, le=1)] = 1e-6
    clip: Annotated[float, Field(ge=0, le=1000)] = 1.0  # norm of the gradient; 0: not clipped
    patience: Annotated[int, Field(ge=0, le=10_000)] = 15  # epochs without gain; 0: no early stopping
    min_delta: Annotated[float, Field(ge=0, le=10)] = 1e-4
    top_k: Annotated[int, Field(ge=1, le=20)] = 3  # best checkpoints kept, besides the last
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    compile: bool = False
    max_windows_per_epoch: Annotated[int | None, Field(ge=1, le=1_000_000_000)] = None  # None: all of them

    @model_validator(mode="after")
    def _require_room_to_fall(self) -> Self:
        if self.min_learning_rate > self.learning_rate:
            raise ValueError(
                f"min_learning_rate ({self.min_learning_rate}) must not be above learning_rate ({self.learning_rate})"
            )
        return self


class ForecastConfig(_Part):
    """All that decides a forecasting run, but its seed and limits."""

    data: DataConfig
    features: FeatureConfig = FeatureConfig()
    horizons: HorizonConfig = HorizonConfig()
    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    training: TrainConfig = TrainConfig()

    @model_validator(mode="after")
    def _require_known_timeframes(self) -> Self:
        for name in self.features.per_timeframe:
            if name not in self.data.timeframes:
                raise ValueError(f"features.per_timeframe names {name}, which is not in data.timeframes")
        return self

    @model_validator(mode="after")
    def _require_whole_purge(self) -> Self:
        if self.purge_bars < self.longest_bars:
            raise ValueError(
                f"data.purge_bars ({self.purge_bars}) must be at least {self.longest_bars}, the bars of the longest "
                "horizon: a label would reach into the next split. Leave it out to purge just that"
            )
        return self

    @property
    def short_bars(self) -> int:
        """Base bars until the first that closes at or after the short horizon."""
        return count_bars(parse_duration_s(self.horizons.short), self.data.base_s)

    @property
    def long_bars(self) -> int:
        """The same for the long horizon."""
        return count_bars(parse_duration_s(self.horizons.long), self.data.base_s)

    @property
    def longest_bars(self) -> int:
        """Base bars that the longest horizon spans."""
        return max(self.horizons.next_bars, self.short_bars, self.long_bars)

    @property
    def purge_bars(self) -> int:
        """Base bars left out between two splits, so that no target reaches into the next."""
        return self.longest_bars if self.data.purge_bars is None else self.data.purge_bars


MODELS: dict[Variant, ModelConfig] = {
    "tiny": ModelConfig(
        variant="tiny",
        d_model=32,
        n_heads=4,
        n_layers_tf=1,
        n_layers_fusion=1,
        patch_len=8,
        stride=4,
        context_patches=16,
    ),
    "base": ModelConfig(),
    "medium": ModelConfig(
        variant="medium",
        d_model=512,
        n_layers_tf=3,
        n_layers_fusion=3,
        dropout=0.15,
        patch_len=32,
        stride=16,
        context_patches=1024,
    ),
    "large": ModelConfig(
        variant="large",
        d_model=768,
        n_heads=12,
        n_layers_tf=4,
        n_layers_fusion=4,
        dropout=0.2,
        patch_len=64,
        stride=32,
        context_patches=1536,
    ),
}
TRAININGS: dict[Variant, TrainConfig] = {
    "tiny": TrainConfig(max_epochs=20, batch_size=64, learning_rate=1e-3),
    "base": TrainConfig(),
    "medium": TrainConfig(max_epochs=150, batch_size=64, learning_rate=1e-4),
    "large": TrainConfig(max_epochs=200, batch_size=128, learning_rate=5e-5),
}
