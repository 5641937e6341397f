"""Bodies of the runs API (`/runs`). Field names are the mission's, snake_case on the wire.

Units at this edge: hours, minutes (`_minutes`), seconds (`_s`), bytes, US dollars; shares are fractions 0 to 1.
A number that is missing is null, never 0. Bounds that settings decide are checked by control.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from headway.domain.suggestions import suggest
from headway.wire.forecast import RegressionLoss, Variant
from headway.wire.jobs import MAX_NOTES, Seed, Text
from headway.wire.trees import Tree

MAX_NAME = 120
MAX_TAGS = 20
MAX_COMPARED = 20


Status = Literal["pending", "running", "completed", "failed", "cancelled"]
Direction = Literal["asc", "desc"]
TableFormat = Literal["json", "csv", "parquet"]


def _require_one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("one line of printable characters")
    return text


Name = Annotated[Text, Field(max_length=MAX_NAME), AfterValidator(_require_one_line)]
Tag = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,49}$")]
Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS)]
Notes = Annotated[Text, Field(max_length=MAX_NOTES)]
Short = Annotated[Text, Field(max_length=100)]


class Wire(BaseModel):
    model_config = ConfigDict(frozen=True)


class Asked(Wire):
    """What a caller sends: unknown fields, numbers as text, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _require_known(cls, given: Any) -> Any:
        """An unknown field is refused with the one that was probably meant."""
        unknown = (
            [str(name) for name in given if name not in cls.model_fields] if isinstance(given, dict) else []
        )
        if unknown:
            text = f"unknown field {unknown[0][:100]}: {suggest(unknown[0], cls.model_fields)}"
            raise PydanticCustomError("unknown_field", "{text}", {"text": text, "field": unknown[0][:100]})
        return given


class RunConfig(Asked):
    """A forecasting run as people ask for it. None: as the variant or the file has it."""

    data_source: Short  # a symbol (BTC) or a file of the candles folder (BTCUSDT_1h.csv)
    timeframes: Annotated[list[Short], Field(min_length=1, max_length=8)]
    base_timeframe: Short | None = None  # None: the finest of `timeframes`
    start_date: Short | None = None
    end_date: Short | None = None
    variant: Variant = "base"
    d_model: int | None = None
    n_heads: int | None = None
    n_layers_tf: int | None = None
    n_layers_fusion: int | None = None
    dropout: float | None = None
    instance_norm: bool | None = None  # false: windows as the scalers of the training rows leave them
    linear_skip: bool | None = None  # false: the transformer alone
    features: Annotated[list[Short], Field(max_length=64)] | None = None  # indicators; None: the usual seven
    enable_technical_indicators: bool = True
    enable_calendar_features: bool = True
    max_epochs: int | None = None  # base: 100
    batch_size: int | None = None  # base: 32
    learning_rate: float | None = None  # base: 2e-4
    weight_decay: float | None = None  # 0.05
    loss_weights: Annotated[dict[Short, float], Field(max_length=8)] | None = None  # regression, short, long
    regression_loss: RegressionLoss = "gaussian_nll"
    next_horizon: int = 1  # bars
    short_horizon: Short = "30m"
    long_horizon: Short = "1w"
    # onto the whole tree: {"training.patience": 5} or {"training": {"patience": 5}}
    overrides: Tree = {}
    seed: Seed | None = None
    max_hours: Annotated[float, Field(gt=0)] | None = (
        None  # the run is stopped then; None: the server's ceiling
    )
    max_cost_usd: Annotated[float, Field(ge=0)] | None = None
    priority: Annotated[int, Field(ge=-100, le=100)] = 0


class RunRequest(Asked):
    """POST /runs and POST /runs/preview."""

    config: RunConfig
    name: Name = ""
    tags: Tags = []
    notes: Notes = ""


class CloneRequest(Asked):
    """POST /runs/{id}/clone: the same run once more, with what is changed here."""

    config: Tree = {}  # fields of RunConfig that replace those of the old run
    name: Name | None = None  # None: as the old run
    tags: Tags | None = None
    notes: Notes | None = None


class LabelRequest(Asked):
    """PATCH /runs/{id}: None leaves as it is."""

    name: Name | None = None
    tags: Tags | None = None
    notes: Notes | None = None


class ResumeRun(Asked):
    """POST /runs/{id}/resume: may raise the limits that ended the run."""

    max_hours: float | None = None
    max_cost_usd: float | None = None


class RunCreated(Wire):
    """Answer of POST /runs, /clone and /resume."""

    id: str
    status: Status
    created_at: str
    name: str = ""
    queue_position: int | None = None  # 0: next to start


class RunCancelled(Wire):
    """`status` is cancelled at once for a pending run; for a running one once nothing of it is alive."""

    run_id: str
    status: Status
    cancel_requested_at: str | None = None


class RunMetrics(Wire):
    """The newest numbers, by the mission's names. `gpu_utilization` is a fraction."""

    epoch: int | None = None
    step: int | None = None
    train_loss: float | None = None
    val_loss: float | None = None
    val_da: float | None = None
    val_f1: float | None = None
    val_rmse: float | None = None
    learning_rate: float | None = None
    gpu_memory_mb: float | None = None
    gpu_utilization: float | None = None
    eta_minutes: float | None = None


class RunProgress(Wire):
    fraction: float = 0.0
    phase: str | None = None
    step: int | None = None
    steps_total: int | None = None
    epoch: int | None = None
    epochs_total: int | None = None
    rate_per_s: float | None = None  # steps a second
    eta_s: float | None = None


class CheckpointInfo(Wire):
    """A folder of files to go on from. `filename` is its path in the run directory.

    Null is what was not measured at its step: before the validation of an epoch, and by engines that have none.
    """

    filename: str
    step: int
    epoch: int | None = None  # whole ones behind it
    val_loss: float | None = None
    val_score: float | None = None  # of forecasts directional accuracy on the validation rows
    size_mb: float
    pruned: bool = False  # it was kept for a while and is gone: there is nothing to download
    created_at: str | None = None
    sha256: str


class RunContact(Wire):
    """Evidence: `live` with the newest heartbeat, or `lost` since when."""

    state: str
    heartbeat_at: str | None = None
    lost_since: str | None = None


class RunSummary(Wire):
    """One run of any engine, as lists show it."""

    id: str
    name: str = ""
    status: Status
    state: str  # of docs/states-and-reasons.md
    engine: str
    origin: str
    symbols: list[str] = []
    timeframes: list[str] = []
    tags: list[str] = []
    notes: str = ""
    created_at: str
    started_at: str | None = None
    completed_at: str | None = None
    error: str | None = None
    reason: str | None = None
    reason_text: str | None = None
    remedy: str | None = None
    cancel_requested_at: str | None = None
    attempt: int = 0
    queue_position: int | None = None
    contact: RunContact | None = None
    progress: RunProgress = RunProgress()
    metrics: RunMetrics = RunMetrics()
    latest: dict[str, float] = {}  # newest value of every metric, by the name it was logged under
    best: dict[str, float] = {}  # best value of those of which a lower or a higher one is known to be better
    results: dict[str, float | None] = {}  # headline numbers of the result
    data_label: str | None = None
    simulated: bool = False


class StateChange(Wire):
    """A step of the timeline."""

    at: str
    event: str
    status: Status
    state: str
    attempt: int
    reason: str | None = None


class AttemptInfo(Wire):
    number: int
    started_at: str
    ended_at: str | None = None
    reason: str | None = None
    error: str | None = None
    runtime_s: float | None = None


class TrainingRun(RunSummary):
    """GET /runs/{id}."""

    config: dict[str, Any]  # as it was sent
    resolved: dict[str, Any]  # all that the engine was told; config.yaml holds the same
    seed: int | None = None
    max_hours: float | None = None
    max_cost_usd: float | None = None
    priority: int = 0
    checkpoints: list[CheckpointInfo] = []  # all that are there, and the newest 200 that are pruned
    checkpoints_left_out: int = 0  # older ones that are pruned
    timeline: list[StateChange] = []
    attempts: list[AttemptInfo] = []
    details: dict[str, Any] = {}  # of the result: baselines, why a number is missing


class RunList(Wire):
    runs: list[RunSummary]
    total_count: int
    next_cursor: str | None = None


class TimeframeContext(Wire):
    """How far back one forecast looks on a timeframe."""

    timeframe: str
    context_bars: int
    context_days: float
    rows: int | None = None  # bars there are; null where they cannot be counted
    rows_source: str | None = None  # the file


class SplitRows(Wire):
    """Forecasts that can be made in each split, after warm-up and purge: an estimate from the number of bars."""

    train: int
    validation: int
    test: int


class TimeRange(Wire):
    low_s: float
    high_s: float
    measured_on: int  # finished runs that it was taken from


class Refusal(Wire):
    """Why POST /runs would refuse what was asked for, in the words of its error."""

    field: str
    value: Any = None
    bound: str
    remedy: str | None = None
    message: str


class RunPreview(Wire):
    """POST /runs/preview. Nothing is created. What is null has its reason in `missing`."""

    config: dict[str, Any]  # resolved
    config_yaml: str
    contexts: list[TimeframeContext]
    warmup_bars: int  # base bars that features need before the first row
    purge_bars: int
    rows: int | None = None  # base bars within the dates
    rows_usable: int | None = None  # after warm-up and context
    splits: SplitRows | None = None
    parameter_count: int | None = None
    memory_bytes: int | None = None  # parameters, gradients, optimiser, activations of a batch
    time: TimeRange | None = None
    estimated_cost_usd: float | None = None
    max_cost_usd: float | None = None
    queue_position: int
    refusals: list[Refusal] = []  # empty: POST /runs would accept it
    warnings: list[str] = []  # the messages of `refusals` among them
    missing: dict[str, str] = {}
